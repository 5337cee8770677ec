import { type Controller, type ControllerOptions, createController } from './controller.js';
import { type Failure, nomadSide } from '../pass/run.js';
import { type Scope, scopeOf } from '../shared/concurrent.js';
import { memoLast } from '../shared/memo.js';
import type { WakeSource } from './wake-sources.js';

export interface FleetOptions extends Omit<ControllerOptions, 'targets' | 'pass'> {
  /** Names of the targets that there are from the start. */
  readonly targets: readonly string[];
  /** A pass over that target alone. Asked for once, when it joins. */
  readonly passOf: (target: string) => ControllerOptions['pass'];
}

/** One loop per target, each with its own queue and retries: one that stalls slows no other. */
export interface Fleet {
  /** Asks for a pass over every target, or over the one that the wake is about. */
  readonly wake: (source: WakeSource, target?: string) => void;
  /** Runs until the signal. Resolves when all current passes have ended. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Begins its loop, after the given one has ended. */
  readonly joined: (target: string, after?: Promise<void>) => void;
  /** Aborts its pass and ends its loop, of which nothing is told any more. Resolves once it has ended. */
  readonly left: (target: string) => Promise<void>;
  /** Start of the longest pass under way, in Unix milliseconds. */
  readonly busySince: () => number | undefined;
  readonly isBusy: (target: string) => boolean;
}

interface Loop {
  readonly controller: Controller;
  /** Aborted when the target has left. */
  readonly gone: AbortController;
  /** False: wakes are lost on it, its first pass comes anyway. */
  hasBegun: boolean;
  stop?: Scope;
  ended: Promise<void>;
}

export function createFleet(options: FleetOptions): Fleet {
  const { targets, passOf, onWake, onSuccess, onFailure, ...shared } = options;
  const loops = new Map<string, Loop>();
  /** All that have not ended, those of targets that left too. */
  const running = new Set<Promise<void>>();
  let until: AbortSignal | undefined;
  /** A wake of all is counted once. */
  let isCounted = false;
  let isWakingAll = false;
  const count = (source: WakeSource, target: string): void => {
    // Each loop has a start and a timer of its own.
    const isOfAll = source === 'start' || source === 'timer';
    const [first] = loops.keys();
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

  function create(target: string): Loop {
    const gone = new AbortController();
    const controller = createController({
      ...{ ...shared, targets: [target], pass: abortable(passOf(target), gone.signal) },
      onWake: (source) => count(source, target),
      onSuccess: (picture) => {
        if (gone.signal.aborted) return;
        speaker = undefined;
        onSuccess(picture);
      },
      onFailure: (failure, waitMs) => {
        if (!gone.signal.aborted) fail(failure, waitMs, target);
      },
    });
    return { controller, gone, hasBegun: false, ended: Promise.resolve() };
  }

  function begin(loop: Loop, signal: AbortSignal, after: Promise<void>): void {
    const stop = scopeOf(signal);
    loop.stop = stop;
    const ended = after.then(() => runLoop(loop, stop)).finally(() => running.delete(ended));
    loop.ended = ended;
    running.add(ended);
  }

  function joined(target: string, after = Promise.resolve()): void {
    const loop = create(target);
    loops.set(target, loop);
    if (until !== undefined) begin(loop, until, after);
  }

  function left(target: string): Promise<void> {
    const loop = loops.get(target);
    if (loop === undefined) return Promise.resolve();
    loops.delete(target);
    if (speaker === target) speaker = undefined;
    loop.gone.abort();
    loop.stop?.abort();
    return loop.ended;
  }

  function wake(source: WakeSource, target?: string): void {
    const about = target === undefined ? [...loops.values()] : [loops.get(target)];
    isWakingAll = target === undefined;
    for (const loop of about) if (loop?.hasBegun === true) loop.controller.wake(source);
    isWakingAll = false;
    isCounted = false;
  }

  async function run(signal: AbortSignal): Promise<void> {
    until = signal;
    for (const loop of loops.values()) begin(loop, signal, Promise.resolve());
    await aborted(signal);
    while (running.size > 0) await Promise.all(running);
  }

  for (const target of targets) joined(target);
  return {
    ...{ wake, run, joined, left },
    busySince: () => {
      const since = [...loops.values()].flatMap(({ controller }) => controller.busySince ?? []);
      return since.length === 0 ? undefined : Math.min(...since);
    },
    isBusy: (target) => loops.get(target)?.controller.busySince !== undefined,
  };
}

async function runLoop(loop: Loop, stop: Scope): Promise<void> {
  loop.hasBegun = true;
  await loop.controller.run(stop.signal);
  stop.done();
}

/**
 * The pass, which also ends when the target has left. So does what it leaves under way, which may take
 * longer than the pass: one signal lasts as long as the loop.
 */
function abortable(pass: ControllerOptions['pass'], gone: AbortSignal): ControllerOptions['pass'] {
  const signalOf = memoLast((stop: AbortSignal): AbortSignal => {
    const scope = scopeOf(stop);
    gone.addEventListener('abort', () => scope.abort(), { once: true });
    if (gone.aborted) scope.abort();
    return scope.signal;
  });
  return (isDue, signal, occasion) => pass(isDue, signalOf(signal), occasion);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
