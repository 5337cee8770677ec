/** An address as registered: `''`, an IP, an IPv6 in brackets or a host name. */

export function withoutBrackets(address: string): string {
  const bare = /^\[(.*)\]$/.exec(address)?.[1] ?? address;
  return bare.includes(':') ? canonicalIpv6(bare) : bare;
}

/** The one form in which HAProxy prints it: `2001:DB8::0:1` -> `2001:db8::1`. */
function canonicalIpv6(address: string): string {
  const url = `http://[${address}]/`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address;
}

/** Only IPv6 addresses hold a colon; a name of digits and dots alone is an IPv4 address. */
export function isHostName(address: string): boolean {
  return address !== '' && !address.includes(':') && !/^[\d.]+$/.test(address);
}
