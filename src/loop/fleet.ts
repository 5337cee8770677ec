import { type Controller, type ControllerOptions, createController } from './controller.js';
import type { WakeSource } from './wake-sources.js';

export interface FleetOptions extends Omit<ControllerOptions, 'targets' | 'pass'> {
  /** Names of the targets. */
  readonly targets: readonly string[];
  /** A pass over that target alone. */
  readonly passOf: (target: string) => ControllerOptions['pass'];
}

/** One loop per target, each with its own queue and retries: one that stalls slows no other. */
export interface Fleet {
  /** Asks for a pass over every target, or over the one that the wake is about. */
  readonly wake: (source: WakeSource, target?: string) => void;
  /** Runs until the signal. Resolves when all current passes have ended. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Start of the longest pass under way, in Unix milliseconds. */
  readonly busySince: () => number | undefined;
  readonly isBusy: (target: string) => boolean;
}

export function createFleet({ targets, passOf, onWake, ...shared }: FleetOptions): Fleet {
  /** A wake of all is counted once. */
  let isCounted = false;
  const count = (source: WakeSource): void => {
    if (!isCounted) onWake(source);
    isCounted = isWakingAll;
  };
  let isWakingAll = false;
  const loops = new Map<string, Controller>(
    targets.map((target) => [
      target,
      createController({ ...shared, targets: [target], pass: passOf(target), onWake: count }),
    ]),
  );

  function wake(source: WakeSource, target?: string): void {
    if (target !== undefined) return loops.get(target)?.wake(source);
    isWakingAll = true;
    for (const loop of loops.values()) loop.wake(source);
    isWakingAll = false;
    isCounted = false;
  }

  return {
    wake,
    run: async (signal) => {
      await Promise.all([...loops.values()].map((loop) => loop.run(signal)));
    },
    busySince: () => {
      const since = [...loops.values()].flatMap((loop) => loop.busySince ?? []);
      return since.length === 0 ? undefined : Math.min(...since);
    },
    isBusy: (target) => loops.get(target)?.busySince !== undefined,
  };
}
