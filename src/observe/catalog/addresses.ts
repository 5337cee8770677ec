import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import PQueue from 'p-queue';
import { withoutBrackets } from './model/address-text.js';

/** Resolves a host name to all its addresses. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export interface AddressBook {
  /** Addresses by host name, for those that resolved. */
  resolve(hosts: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

interface Entry {
  readonly address?: string;
  /** Time of the last lookup. */
  readonly at: number;
  /** Time of the last use. */
  readonly wanted: number;
  readonly failed: boolean;
}

export interface AddressBookOptions {
  readonly lookup?: Lookup;
  readonly now?: () => number;
  readonly ttlMs?: number;
  /** Retry delay after a failed lookup. */
  readonly retryMs?: number;
  /** A hanging resolver must not delay the pass. */
  readonly timeoutMs?: number;
}

/** A restarting instance leaves the catalog briefly. Its address is kept that long. */
const keepMs = 600_000;

/**
 * A lookup occupies one of Node's four threads until the resolver gives up. The names come from jobs,
 * and must not keep out the lookups of Nomad and the Data Plane API, or reads of files.
 */
const maxLookups = 2;

/**
 * A name with several addresses keeps its first choice, so that servers don't follow the resolver's
 * round robin. A name that no longer resolves keeps its last address.
 */
export function createAddressBook(options: AddressBookOptions = {}): AddressBook {
  const { lookup = lookupAll, now = Date.now, timeoutMs = 2000 } = options;
  const { ttlMs = 30_000, retryMs = Math.min(ttlMs, 2000) } = options;
  const entries = new Map<string, Entry>();
  const pending = new Map<string, Promise<readonly string[]>>();
  const queue = new PQueue({ concurrency: maxLookups });
  const ask = (host: string): Promise<readonly string[]> => {
    // The resolver hangs. Only the first pass waits for it.
    if (pending.has(host)) return Promise.resolve([]);
    const priority = entries.get(host)?.address === undefined ? 0 : 1;
    const asked = queue.add(() => lookup(host), { priority }).catch(() => []);
    pending.set(host, asked);
    void asked.then((found) => {
      pending.delete(host);
      if (found.length > 0) keep(host, found);
    });
    return withTimeout(asked, timeoutMs).catch(() => []);
  };
  const keep = (host: string, found: readonly string[]): void => {
    const known = entries.get(host);
    const address = choose(found.map(withoutBrackets), known?.address);
    const at = now();
    const wanted = known?.wanted ?? at;
    const failed = found.length === 0;
    entries.set(host, { ...(address === undefined ? {} : { address }), at, wanted, failed });
  };
  const refresh = async (host: string): Promise<void> => {
    const known = entries.get(host);
    const age = known === undefined ? Infinity : now() - known.at;
    if (age >= (known?.failed === true ? retryMs : ttlMs)) keep(host, await ask(host));
    const entry = entries.get(host);
    if (entry !== undefined) entries.set(host, { ...entry, wanted: now() });
  };
  return {
    resolve: async (hosts) => {
      const unique = [...new Set(hosts.map(nameOf))];
      await Promise.all(unique.map(refresh));
      for (const [host, { wanted }] of entries) {
        if (now() - wanted > keepMs) entries.delete(host);
      }
      return new Map(
        hosts.flatMap((host): [string, string][] => {
          const address = entries.get(nameOf(host))?.address;
          return address === undefined ? [] : [[host, address]];
        }),
      );
    },
  };
}

/** Host names are case-insensitive. */
function nameOf(host: string): string {
  return host.toLowerCase();
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
