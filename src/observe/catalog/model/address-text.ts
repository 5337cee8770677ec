/** Registered addresses: `''`, an IP, an IPv6 in brackets or a host name. */

const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** Strips brackets and writes IPv6 addresses the way HAProxy prints them. */
export function withoutBrackets(address: string): string {
  const bare = /^\[(.*)\]$/.exec(address)?.[1] ?? address;
  return bare.includes(':') ? canonicalIpv6(bare) : bare;
}

/** `2001:DB8::0:1` -> `2001:db8::1`, `::ffff:a00:1` -> `::ffff:10.0.0.1`, like libc's inet_ntop. */
function canonicalIpv6(address: string): string {
  if (!isIpv6(address)) return address;
  const text = new URL(urlOf(address)).hostname.slice(1, -1);
  const [, prefix, high, low] = /^(::(?:ffff:)?)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text) ?? [];
  if (prefix === undefined || high === undefined || low === undefined) return text;
  return `${prefix}${dotted(high)}.${dotted(low)}`;
}

function isIpv6(address: string): boolean {
  return address.includes(':') && URL.canParse(urlOf(address));
}

function urlOf(address: string): string {
  return `http://[${address}]/`;
}

function dotted(group: string): string {
  const value = Number.parseInt(group, 16);
  return `${value >> 8}.${value & 255}`;
}

/** Only IPv6 addresses contain a colon. Digits and dots alone are an IPv4 address. */
export function isHostName(address: string): boolean {
  return address !== '' && !address.includes(':') && !/^[\d.]+$/.test(address);
}

/** `''` for anything else, such as `10.0.0.1:80`. */
export function ipOrNothing(address: string): string {
  return ipv4.test(address) || isIpv6(address) ? address : '';
}
