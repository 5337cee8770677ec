import type { DataPlaneReader } from '../actual/dataplane-client.js';
import { startWatch, type Watch, type WatchOptions } from '../actual/watch.js';
import type { Picture } from '../pass/picture.js';
import { type Failure, nomadSide } from '../pass/run.js';
import { type Scope, scopeOf } from '../shared/concurrent.js';

type Shared = Omit<WatchOptions, 'client' | 'intervalMs' | 'isBusy' | 'onWake'>;

export interface WatchesOptions extends Shared {
  /** Undefined: no watch. */
  readonly intervalMs: number | undefined;
  readonly clientOf: (target: string) => DataPlaneReader | undefined;
  readonly isBusy: (target: string) => boolean;
  readonly onWake: (target: string) => void;
}

/** Watches each target's HAProxy. Every pass reports its result here. */
export interface HaproxyWatches {
  readonly succeeded: (picture: Picture) => void;
  readonly failed: (failure: Failure) => void;
  readonly joined: (target: string) => void;
  readonly left: (target: string) => void;
  /** Resolves once all of them have ended, after the abort. */
  readonly done: () => Promise<void>;
}

interface Running {
  readonly watch: Watch;
  readonly scope: Scope;
}

export function startHaproxyWatches(options: WatchesOptions): HaproxyWatches {
  const { clientOf, intervalMs, isBusy, onWake, signal, log } = options;
  const watches = new Map<string, Running>();
  return {
    joined: (name) => {
      const client = clientOf(name);
      if (intervalMs === undefined || client === undefined) return;
      const scope = scopeOf(signal);
      const watch = startWatch({
        ...{ client, intervalMs, log, signal: scope.signal },
        isBusy: () => isBusy(name),
        onWake: () => onWake(name),
      });
      watches.set(name, { watch, scope });
    },
    left: (name) => {
      const running = watches.get(name);
      if (running === undefined) return;
      watches.delete(name);
      running.scope.done();
      running.scope.abort();
    },
    succeeded: ({ target, actual }) => watches.get(target)?.watch.succeeded(actual),
    failed: ({ side, error }) => {
      if (side !== nomadSide) return watches.get(side)?.watch.failed(error);
      for (const { watch } of watches.values()) watch.unchanged();
    },
    done: async () => {
      await Promise.all([...watches.values()].map(({ watch }) => watch.done));
    },
  };
}
