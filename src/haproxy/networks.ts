import { isIpv4, isIpv6 } from './addresses.js';

/** The address as bytes: 4, or 16. IPv6 forms that carry an IPv4 address are read as that one. */
export function addressBytes(text: string): readonly number[] | undefined {
  if (isIpv4(text)) return text.split('.').map(Number);
  if (!isIpv6(text)) return undefined;
  const bytes = ipv6Bytes(text.toLowerCase());
  return carriesIpv4(bytes) ? bytes.slice(12) : bytes;
}

function ipv6Bytes(text: string): readonly number[] {
  const [head = '', tail] = text.split('::');
  const before = groupBytes(head);
  if (tail === undefined) return before;
  const after = groupBytes(tail);
  return [...before, ...zeros(16 - before.length - after.length), ...after];
}

function groupBytes(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

/** Mapped (`::ffff:`), compatible (`::a.b.c.d`), or behind NAT64 (`64:ff9b::`). */
function carriesIpv4(bytes: readonly number[]): boolean {
  const head = bytes.slice(0, 12).join();
  if (head === [...zeros(10), 255, 255].join()) return true;
  if (head === [0, 100, 255, 155, ...zeros(8)].join()) return true;
  // `::` and `::1` are IPv6's own.
  return head === zeros(12).join() && bytes.slice(12, 15).join() !== '0,0,0';
}

export function isSameAddress(one: string, other: string): boolean {
  const bytes = addressBytes(one);
  return bytes !== undefined && bytes.join() === addressBytes(other)?.join();
}

/** Whether an address is in a network like `10.0.0.0/8`, or is the one address. */
export function isIn(network: string, address: string): boolean {
  return holds(networkOf(network), addressBytes(address));
}

interface Network {
  readonly bytes: readonly number[] | undefined;
  /** How many of them, from the first, all its addresses have. */
  readonly bits: number;
}

function networkOf(text: string): Network {
  const [base = '', size] = text.split('/');
  const bytes = addressBytes(base);
  const length = bytes?.length ?? 0;
  // A mapped network, as in ::ffff:10.0.0.0/104.
  const mapped = base.includes(':') && length === 4 ? 96 : 0;
  return { bytes, bits: size === undefined ? length * 8 : Math.max(0, Number(size) - mapped) };
}

function holds({ bytes: within, bits }: Network, bytes: readonly number[] | undefined): boolean {
  if (within === undefined || within.length !== bytes?.length) return false;
  return within.every((byte, at) => {
    const left = 8 - Math.min(8, Math.max(0, bits - 8 * at));
    return byte >> left === (bytes[at] ?? 0) >> left;
  });
}

const loopbacks = ['127.0.0.0/8', '0.0.0.0', '::1', '::'].map(networkOf);
const linkLocals = ['169.254.0.0/16', 'fe80::/10'].map(networkOf);

/** `loopback`: HAProxy's own machine, which is also where 0.0.0.0 and :: lead. */
export function reachOf(address: string): 'loopback' | 'link-local' | 'other' {
  const bytes = addressBytes(address);
  if (loopbacks.some((one) => holds(one, bytes))) return 'loopback';
  return linkLocals.some((one) => holds(one, bytes)) ? 'link-local' : 'other';
}
