import { hostname } from 'node:os';
import { isIpAddress } from '../haproxy/addresses.js';
import { isIn } from '../haproxy/networks.js';

/**
 * Whether a request may name this host. A web page of anybody's can point a name of its own at
 * 127.0.0.1 and read what answers there (DNS rebinding), but it can't choose a name from this list.
 * Browsers always name a host; some probes don't.
 */
export function isAllowedHost(header: string | undefined, allowed: readonly string[]): boolean {
  if (header === undefined) return true;
  const name = nameIn(header);
  if (isIpAddress(name) || name === 'localhost' || name.endsWith('.localhost')) return true;
  return [hostname(), ...allowed].some((one) => one.toLowerCase() === name);
}

/** Whether only this host can connect to the address. */
export function isPrivate(address: string): boolean {
  return isIn('127.0.0.0/8', address) || isIn('::1', address);
}

/** `Example.com:8080` -> `example.com`; `[::1]:8080` -> `::1`. */
function nameIn(header: string): string {
  const [, v6, name = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  return (v6 ?? name).toLowerCase();
}
