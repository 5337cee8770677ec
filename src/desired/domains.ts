import { compareText } from '../shared/compare.js';
import { firstOfEach } from './first-of-each.js';
import { memoOf } from '../shared/memo.js';
import { isSafeRegex } from './regex.js';
import type { InvalidTag } from './tags.js';
import type { DesiredRoute } from './types.js';
import type { Tags } from './vocabulary.js';

export interface Domain {
  readonly match: 'exact' | 'prefix' | 'wildcard' | 'regex';
  readonly host: string;
}

export const domainForms = {
  exact: 'a host name like www.example.com: labels of letters, digits and dashes',
  prefix: 'the beginning of a host name, like api. or www.example',
  wildcard: '*.example.com',
  regex:
    'a regular expression of letters, digits, - _ . ^ $ | * + ? ( ) (?: [ ] {n} {n,m} \\. \\d \\w, that no host keeps HAProxy busy with: not more than one or two repetitions that overlap, and no ambiguous repeated group',
} as const;

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const hostPattern = new RegExp(`^${label}(?:\\.${label})*$`);
const prefixPattern = /^[a-z0-9][a-z0-9.-]*$/;

/**
 * `*.` always makes a wildcard, regardless of the type. Undefined: it doesn't have the type's form.
 */
export function parseDomain(raw: string, type: Domain['match']): Domain | undefined {
  const text = raw.toLowerCase();
  if (text.startsWith('*.')) return hostOf('wildcard', text.slice(2));
  switch (type) {
    case 'exact':
    case 'wildcard':
      return hostOf(type, text);
    case 'prefix':
      return prefixPattern.test(text) ? { match: 'prefix', host: text } : undefined;
    case 'regex':
      return isSafeRegex(text) ? { match: 'regex', host: text } : undefined;
  }
}

function hostOf(match: 'exact' | 'wildcard', host: string): Domain | undefined {
  return hostPattern.test(host) ? { match, host } : undefined;
}

/** The service's domains, and those that are invalid for their type. */
export function readDomains(
  tags: Tags,
  prefix: string,
  most = Infinity,
  parse: typeof parseDomain = parseDomain,
) {
  const type = tags.domainType ?? 'exact';
  const domains: Domain[] = [];
  const invalid: InvalidTag[] = [];
  for (const raw of tags.domains.slice(0, most)) {
    const domain = parse(raw, type);
    if (domain !== undefined) domains.push(domain);
    else {
      const form = domainForms[raw.startsWith('*.') ? 'wildcard' : type];
      invalid.push({
        name: 'domains',
        tag: `${prefix}.domain=${raw}`,
        problem: `allowed: ${form}`,
      });
    }
  }
  return { domains, invalid };
}

export interface RouteTargetBackend {
  readonly backend: string;
  readonly service: string;
  /** Used if no tag names any. */
  readonly frontends: readonly string[];
}

/**
 * Every domain with every path, one by one, as a service may ask for more than it may have. Without
 * a domain: paths on any host, or a whole tcp frontend.
 */
export function* routesOf(
  tags: Tags,
  domains: readonly Domain[],
  to: RouteTargetBackend,
): Generator<DesiredRoute> {
  const mode = tags.mode ?? 'http';
  const named = tags.frontends.length > 0;
  const frontends = named
    ? distinct(tags.frontends)
    : usual(to.frontends, () => distinct(to.frontends));
  const { backend, service } = to;
  const paths = mode === 'http' ? new Set(tags.paths) : new Set<string>();
  const hosts: readonly Pick<DesiredRoute, 'match' | 'host'>[] =
    domains.length === 0
      ? [{ match: 'any', host: '' }]
      : firstOfEach(domains, ({ match, host }) => `${match} ${host}`);
  if (domains.length === 0 && paths.size === 0 && !(mode === 'tcp' && named)) return;
  for (const { match, host } of hosts) {
    if (paths.size === 0) yield { match, host, mode, frontends, backend, service };
    for (const path of paths) yield { match, host, path, mode, frontends, backend, service };
  }
}

function distinct(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}

/** Of the settings: one list for all services. */
const usual = memoOf<readonly string[]>();

/** What a request must match, independent of the frontend. */
export function routeKey({ match, host, path, mode }: DesiredRoute): string {
  return `${mode} ${match} ${host} ${path ?? ''}`;
}

/** The order of routes. */
export function byRoute(a: DesiredRoute, b: DesiredRoute): number {
  return (
    compareText(a.match, b.match) ||
    compareText(a.host, b.host) ||
    compareText(a.path ?? '', b.path ?? '') ||
    compareText(routeKey(a), routeKey(b)) ||
    compareText(a.frontends.join(), b.frontends.join())
  );
}

/** For people: `domain x.io/api`, `path /api`, `frontend tcp_in`. */
export function describeRoute({ match, host, path, frontends }: DesiredRoute): string {
  if (match !== 'any') return `domain ${match === 'wildcard' ? '*.' : ''}${host}${path ?? ''}`;
  return path === undefined ? `frontend ${frontends.join(', ')}` : `path ${path}`;
}
