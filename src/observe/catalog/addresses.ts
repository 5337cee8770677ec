import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** All addresses of a host name. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export interface AddressBook {
  /** An address by host name, of those that have one. */
  resolve(hosts: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

interface Entry {
  readonly address?: string;
  readonly at: number;
}

export interface AddressBookOptions {
  readonly lookup?: Lookup;
  readonly now?: () => number;
  readonly ttlMs?: number;
  /** A resolver that hangs must not hold up the pass. */
  readonly timeoutMs?: number;
}

/**
 * A name with several addresses keeps the one that it was given, so that servers don't move with the
 * resolver's round robin; one that can't be resolved any more keeps its last.
 */
export function createAddressBook(options: AddressBookOptions = {}): AddressBook {
  const { lookup = lookupAll, now = Date.now, ttlMs = 30_000, timeoutMs = 2000 } = options;
  let entries = new Map<string, Entry>();
  const refresh = async (host: string): Promise<Entry> => {
    const known = entries.get(host);
    if (known !== undefined && now() - known.at < ttlMs) return known;
    const found = await withTimeout(lookup(host), timeoutMs).catch(() => []);
    const address = choose(found, known?.address);
    return { ...(address === undefined ? {} : { address }), at: now() };
  };
  return {
    resolve: async (hosts) => {
      const unique = [...new Set(hosts)];
      const read = await Promise.all(
        unique.map(async (host) => [host, await refresh(host)] as const),
      );
      entries = new Map(read);
      return new Map(
        read.flatMap(([host, { address }]) => (address === undefined ? [] : [[host, address]])),
      );
    },
  };
}

function choose(found: readonly string[], before: string | undefined): string | undefined {
  if (found.length === 0 || (before !== undefined && found.includes(before))) return before;
  return [...found].sort((a, b) => isIP(a) - isIP(b) || (a < b ? -1 : 1))[0];
}

async function lookupAll(host: string): Promise<string[]> {
  const found = await dnsLookup(host, { all: true });
  return found.map(({ address }) => address);
}

async function withTimeout<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('too late')), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
