const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const hextetPattern = /^[0-9a-f]{1,4}$/i;

export function isIpv4(text: string): boolean {
  return ipv4.test(text);
}

/** Without brackets and zone. An IPv4 tail is allowed. */
export function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1)?.at(-1);
  const tail = last !== undefined && isIpv4(last) ? 1 : 0;
  const hextets = groups.flat().slice(0, tail === 1 ? -1 : undefined);
  const size = hextets.length + 2 * tail;
  const complete = halves.length === 2 ? size < 8 : size === 8;
  return complete && hextets.every((hextet) => hextetPattern.test(hextet));
}

export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

/** An address, or a network like 10.0.0.0/8. */
export function isNetwork(text: string): boolean {
  const [address, bits, ...more] = text.split('/');
  if (address === undefined || more.length > 0 || !isIpAddress(address)) return false;
  if (bits === undefined) return true;
  return /^(?:0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (isIpv4(address) ? 32 : 128);
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`. The address has no brackets. */
export function formatAddress(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
