/**
 * One reader for several loops. Reads that are asked for while one runs are one read, which begins
 * after it: so each holds all that was true when it was asked for, and no two run at once.
 */

import type { Catalog } from '../types.js';
import type { OnSight } from './allocations.js';
import type { CatalogReader, ReadOptions } from './reader.js';

interface Asked {
  full: boolean;
  /** Aborted when nobody waits for the read any more. */
  readonly stop: AbortController;
  waiting: number;
  readonly listeners: OnSight[];
  readonly read: Promise<Catalog>;
}

export function shareReads(reader: CatalogReader): CatalogReader {
  let running: Promise<unknown> = Promise.resolve();
  /** Not begun yet, so others may join. */
  let next: Asked | undefined;

  function ask(): Asked {
    const stop = new AbortController();
    const begin = async (): Promise<Catalog> => {
      const { full, listeners } = asked;
      if (next === asked) next = undefined;
      stop.signal.throwIfAborted();
      const onSight: OnSight = (seen) => listeners.forEach((listener) => listener(seen));
      return reader.read({ full, onSight, signal: stop.signal });
    };
    // Later than this turn of the event loop: one wake asks for all loops in the same turn.
    const read = running.then(() => new Promise((resolve) => setImmediate(resolve))).then(begin);
    const asked: Asked = { full: false, stop, waiting: 0, listeners: [], read };
    running = read.catch(() => undefined);
    return asked;
  }

  /** Who comes later has a read of its own. */
  function abandon(asked: Asked, reason: unknown): void {
    asked.stop.abort(reason);
    if (next === asked) next = undefined;
  }

  async function read({ full = false, onSight, signal }: ReadOptions): Promise<Catalog> {
    signal.throwIfAborted();
    const asked = (next ??= ask());
    asked.full ||= full;
    asked.waiting += 1;
    if (onSight !== undefined) asked.listeners.push(onSight);
    let leave = (): void => undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => {
        asked.waiting -= 1;
        if (asked.waiting === 0) abandon(asked, signal.reason);
        reject(signal.reason as Error);
      };
    });
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([asked.read, left]);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  return { ...reader, read };
}
