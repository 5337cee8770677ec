import type { OnSight } from '../observe/catalog/allocations.js';
import type { CatalogReader } from '../observe/catalog/reader.js';
import type { Catalog } from '../observe/types.js';
import { type CatalogMemory, needsFullRead } from './memory.js';
import type { Stopwatch, Times } from './stopwatch.js';
import type { Target } from './target.js';

/** The catalog of one pass, shared by all its targets. */
export interface CatalogRead {
  readonly catalog: Promise<Catalog>;
  /** Tells the listener of allocations that changed, before the catalog is there. */
  readonly onSight: (listener: OnSight) => void;
  readonly hidden: CatalogReader['hidden'];
  readonly ended: CatalogReader['ended'];
  readonly times: () => Times;
}

/** Reads Nomad once for all targets: in full if a target needs it or the last read failed. */
export function readCatalog(
  reader: CatalogReader,
  memory: CatalogMemory,
  targets: readonly Target[],
  stopwatch: Stopwatch,
  signal: AbortSignal,
): CatalogRead {
  const full = memory.failed || targets.some((target) => needsFullRead(target.memory));
  const listeners: OnSight[] = [];
  const onSight: OnSight = (seen) => listeners.forEach((listener) => listener(seen));
  const catalog = stopwatch
    .timed('observe', () => reader.read({ full, onSight, signal }))
    .then(
      (read) => {
        memory.failed = false;
        return read;
      },
      (error: unknown) => {
        memory.failed = true;
        throw error;
      },
    );
  return {
    catalog,
    onSight: (listener) => void listeners.push(listener),
    hidden: (namespaces, stop) => reader.hidden(namespaces, stop),
    ended: (served, stop) => reader.ended(served, stop),
    times: stopwatch.read,
  };
}
