import type { DataPlaneReader } from '../actual/dataplane-client.js';
import { startWatch, type WatchOptions } from '../actual/watch.js';
import type { Picture } from '../pass/picture.js';
import { type Failure, nomadSide } from '../pass/run.js';

type Shared = Omit<WatchOptions, 'client' | 'intervalMs' | 'isBusy' | 'onWake'>;

export interface WatchesOptions extends Shared {
  /** Clients by target name. */
  readonly clients: Readonly<Record<string, DataPlaneReader>>;
  /** Undefined: no watch. */
  readonly intervalMs: number | undefined;
  readonly isBusy: (target: string) => boolean;
  readonly onWake: (target: string) => void;
}

/** Watches each target's HAProxy. Every pass reports its result here. */
export interface HaproxyWatches {
  readonly succeeded: (picture: Picture) => void;
  readonly failed: (failure: Failure) => void;
  readonly done: Promise<void>;
}

export function startHaproxyWatches(options: WatchesOptions): HaproxyWatches {
  const { clients, intervalMs, isBusy, onWake, ...shared } = options;
  const watches = Object.fromEntries(
    Object.entries(intervalMs === undefined ? {} : clients).map(([name, client]) => [
      name,
      startWatch({
        ...{ ...shared, client, intervalMs: intervalMs! },
        isBusy: () => isBusy(name),
        onWake: () => onWake(name),
      }),
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
