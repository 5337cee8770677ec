import type { DataPlaneReader } from '../actual/dataplane-client.js';
import { startWatch, type WatchOptions } from '../actual/watch.js';
import type { Picture } from '../pass/picture.js';
import { type Failure, nomadSide } from '../pass/run.js';

export interface WatchesOptions extends Omit<WatchOptions, 'client' | 'intervalMs'> {
  /** Clients by target name. */
  readonly clients: Readonly<Record<string, DataPlaneReader>>;
  /** Undefined: no watch. */
  readonly intervalMs: number | undefined;
}

/** Watches each target's HAProxy. Every pass reports its result here. */
export interface HaproxyWatches {
  readonly succeeded: (picture: Picture) => void;
  readonly failed: (failure: Failure) => void;
  readonly done: Promise<void>;
}

export function startHaproxyWatches(options: WatchesOptions): HaproxyWatches {
  const { clients, intervalMs, ...shared } = options;
  const watches = Object.fromEntries(
    Object.entries(intervalMs === undefined ? {} : clients).map(([name, client]) => [
      name,
      startWatch({ ...shared, client, intervalMs: intervalMs! }),
    ]),
  );
  return {
    succeeded: ({ target, actual }) => watches[target]?.succeeded(actual),
    failed: ({ side, error }) => {
      if (side !== nomadSide) return watches[side]?.failed(error);
      for (const watch of Object.values(watches)) watch.unchanged();
    },
    done: Promise.all(Object.values(watches).map(({ done }) => done)).then(() => undefined),
  };
}
