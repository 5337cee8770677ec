import { type Controller, type ControllerOptions, createController } from './controller.js';
import { type Failure, nomadSide } from '../pass/run.js';
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

export function createFleet(options: FleetOptions): Fleet {
  const { targets, passOf, onWake, onSuccess, onFailure, ...shared } = options;
  const [first] = targets;
  /** A wake of all is counted once. */
  let isCounted = false;
  let isWakingAll = false;
  const count = (source: WakeSource, target: string): void => {
    // Each loop has a start and a timer of its own.
    const isOfAll = source === 'start' || source === 'timer';
    if (!isCounted && (!isOfAll || target === first)) onWake(source);
    isCounted = isWakingAll;
  };
  /** The loop whose failed reads of Nomad are told: those of the others fail for the same. */
  let speaker: string | undefined;
  const fail = (failure: Failure, waitMs: number, target: string): void => {
    if (failure.side !== nomadSide) speaker = undefined;
    else if ((speaker ??= target) !== target) return;
    onFailure(failure, waitMs);
  };
  const loops = new Map<string, Controller>(
    targets.map((target) => [
      target,
      createController({
        ...{ ...shared, targets: [target], pass: passOf(target) },
        onWake: (source) => count(source, target),
        onSuccess: (picture) => {
          speaker = undefined;
          onSuccess(picture);
        },
        onFailure: (failure, waitMs) => fail(failure, waitMs, target),
      }),
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
