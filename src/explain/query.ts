import type { DesiredRoute } from '../desired/types.js';
import { wildcardDepth } from '../haproxy/expressions.js';
import { matchesRegex } from './regex.js';
import type { Request } from './request.js';

/** `x.io:443/api?q` -> host `x.io`, path `/api`. Undefined: it is no host and path. */
export function requestOf(query: string): Request | undefined {
  const text = query.trim().replace(/^[a-z][a-z0-9+.-]*:\/\//i, '');
  const [, host = '', rest = ''] = /^([^/?#]*)([^]*)$/.exec(text) ?? [];
  const bare = host.replace(/^.*@/, '').replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
  const path = rest.replace(/[?#][^]*$/, '');
  if (bare === '' || /\s/.test(bare)) return undefined;
  return { host: bare, path: path === '' ? '/' : path };
}

/** `x.io/api`; the path `/` isn't said. */
export function requestText({ host, path }: Request): string {
  return path === '/' ? host : `${host}${path}`;
}

type Pattern = Pick<DesiredRoute, 'match' | 'host' | 'path'>;

/** `*.x.io/api`. */
export function routeText({ match, host, path = '' }: Pattern): string {
  const shown = { any: '(any host)', wildcard: `*.${host}`, prefix: `${host}*` };
  if (match === 'regex') return `~${host}${path}`;
  return `${match === 'exact' ? host : shown[match]}${path}`;
}

/** As HAProxy matches it, with or without the path. */
export function matchesHost({ match, host }: Pattern, request: Request): boolean {
  switch (match) {
    case 'exact':
      return request.host === host;
    case 'wildcard': {
      if (!request.host.endsWith(`.${host}`)) return false;
      const labels = request.host.slice(0, -host.length - 1).split('.');
      return labels.length <= wildcardDepth && request.host.length > host.length + 1;
    }
    case 'prefix':
      return request.host.startsWith(host);
    case 'regex':
      return matchesRegex(request.host, host) === true;
    case 'any':
      return true;
  }
}

export function matchesPath({ path }: Pattern, request: Request): boolean {
  return path === undefined || `${request.path}/`.startsWith(`${path}/`);
}
