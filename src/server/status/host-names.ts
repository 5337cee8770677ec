import { hostname } from 'node:os';
import { isIpAddress } from '../../haproxy/addresses.js';

/**
 * Whether a request may name this host. A web page of anybody's can point a name of its own at
 * 127.0.0.1 and read what answers there (DNS rebinding), but it can't choose a name from this list.
 */
export function isAllowedHost(header: string | undefined, allowed: readonly string[]): boolean {
  const name = nameIn(header ?? '');
  if (isIpAddress(name) || name === 'localhost' || name.endsWith('.localhost')) return true;
  return [hostname(), ...allowed].some((one) => one.toLowerCase() === name);
}

/** `Example.com:8080` -> `example.com`; `[::1]:8080` -> `::1`. */
function nameIn(header: string): string {
  const [, v6, name = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  return (v6 ?? name).toLowerCase();
}
