import type { WireInstance } from '../../nomad/answers/shapes.js';

const host = /^[A-Za-z0-9._-]+$/;
const ipv6 = /^[0-9a-fA-F:.]+$/;

/** The base URL of a Data Plane API; undefined where the registration makes none. */
export function urlOf(
  { Address, Port }: Pick<WireInstance, 'Address' | 'Port'>,
  scheme: 'http' | 'https',
): string | undefined {
  const bare = Address.replace(/^\[(.*)\]$/, '$1');
  const isIpv6 = bare.includes(':') && ipv6.test(bare);
  if (!(isIpv6 || host.test(bare)) || Port < 1 || Port > 65_535) return undefined;
  const url = `${scheme}://${isIpv6 ? `[${bare}]` : bare}:${Port}`;
  return URL.canParse(url) ? url : undefined;
}
