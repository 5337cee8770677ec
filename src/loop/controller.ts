import { setTimeout as delay } from 'node:timers/promises';

import PQueue from 'p-queue';

import type { SyncSettings } from '../config/types.js';
import { type Failure, nomadSide, type Outcome, type Side } from '../pass/run.js';
import { type Occasion, routine } from '../pass/occasion.js';
import type { Picture } from '../pass/picture.js';
import { createDebounce } from './debounce.js';
import { nextLook, type Watched } from './recheck.js';
import { createRetries } from './retries.js';
import type { WakeSource } from './wake-sources.js';

export interface ControllerOptions {
  /** Names of the targets. */
  readonly targets: readonly string[];
  /** Runs one pass over the targets that are due. Never throws. */
  readonly pass: (
    isDue: (side: Side) => boolean,
    signal: AbortSignal,
    occasion: Occasion,
  ) => Promise<readonly Outcome[]>;
  readonly settings: SyncSettings;
  readonly onWake: (source: WakeSource) => void;
  readonly onSuccess: (picture: Picture) => void;
  /** `waitMs`: delay before that side is retried. */
  readonly onFailure: (failure: Failure, waitMs: number) => void;
  /** How long a pass may run after a stop was requested. Then it rolls back. */
  readonly graceMs?: number;
}

export interface Controller {
  /** Requests a pass. Requests that arrive while one is queued are merged into it. */
  readonly wake: (source: WakeSource) => void;
  /** Runs until the signal. Resolves when the current pass has ended. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Start of the current pass in Unix milliseconds; undefined between passes. */
  readonly busySince: number | undefined;
}

/** The queue of passes: one at a time. A side that failed waits for its retry. */
export function createController(options: ControllerOptions): Controller {
  const { settings, targets } = options;
  const queue = new PQueue({ concurrency: 1 });
  const retries = createRetries({ minMs: settings.backoffMinMs, maxMs: settings.backoffMaxMs });
  const watched = new Map<string, Watched>();
  const rechecks = new Map<string, NodeJS.Timeout>();
  const hardStop = new AbortController();
  let stopping = new AbortController().signal;
  const debounce = createDebounce(settings);
  let waiting: NodeJS.Timeout | undefined;
  /** Of the next pass. */
  let occasion: Occasion = routine;
  let retry: NodeJS.Timeout | undefined;
  let busySince: number | undefined;

  function wake(source: WakeSource): void {
    if (stopping.aborted) return;
    options.onWake(source);
    for (const side of newsOf(source, targets)) retries.hurry(side);
    const nomadChanged = occasion.nomadChanged || isNomads(source);
    occasion = { ...occasion, nomadChanged };
    const { waitMs, isFirst } = debounce.wake();
    if (isFirst) return enqueue(mayHaveMore(source) ? Date.now() + settings.debounceMs : undefined);
    clearTimeout(waiting);
    waiting = setTimeout(
      () => {
        debounce.fired();
        enqueue();
      },
      source === 'start' ? 0 : waitMs,
    );
  }

  function enqueue(gatherUntil?: number): void {
    if (stopping.aborted) return;
    const isQueued = queue.size > 0;
    // A queued pass will see this change. It gathers only if all that it is for may have more to come.
    if (!isQueued || gatherUntil === undefined) occasion = withGathering(occasion, gatherUntil);
    if (!isQueued) void queue.add(passOnce);
  }

  async function passOnce(): Promise<void> {
    const isDue = targets.some(retries.isDue) && retries.isDue(nomadSide);
    // The scheduled retry will see this change.
    if (stopping.aborted || !isDue) return armRetry();
    busySince = Date.now();
    // This pass is the look that they ask for. If it fails, a retry follows.
    for (const target of targets.filter(retries.isDue)) clearTimeout(rechecks.get(target));
    // Behind a long pass, all there was to gather may be told by now.
    const { gatherUntil = -Infinity } = occasion;
    const made = gatherUntil > Date.now() ? occasion : withGathering(occasion, undefined);
    occasion = routine;
    const outcomes = await options.pass(retries.isDue, hardStop.signal, made);
    busySince = undefined;
    // Even if a target failed, the catalog was read.
    if (outcomes.every(({ side }) => side !== nomadSide)) retries.succeeded(nomadSide);
    outcomes.forEach(conclude);
    armRetry();
  }

  function conclude(outcome: Outcome): void {
    if ('error' in outcome) return fail(outcome);
    const isWhole = outcome.picture.rest.gathering === undefined;
    retries[isWhole ? 'succeeded' : 'postponed'](outcome.side);
    options.onSuccess(outcome.picture);
    lookAgain(outcome.side, outcome.picture);
  }

  function fail(failure: Failure): void {
    const waitMs = retries.failed(failure.side, failure.error.retryable);
    if (!hardStop.signal.aborted) options.onFailure(failure, waitMs);
  }

  /** A single timer, set to whichever side is due first. */
  function armRetry(): void {
    clearTimeout(retry);
    const ms = retries.untilNext();
    if (ms === undefined || stopping.aborted) return;
    // A timer may fire a millisecond early.
    const isEarly = (): boolean => (retries.untilNext() ?? 0) > 0;
    retry = setTimeout(() => (isEarly() ? armRetry() : wake('retry')), Math.ceil(ms));
  }

  function lookAgain(target: string, { rest }: Picture): void {
    const look = nextLook(rest, watched.get(target), settings.resyncIntervalMs);
    watched.set(target, look.watched);
    clearTimeout(rechecks.get(target));
    if (look.afterMs === undefined) return;
    rechecks.set(
      target,
      setTimeout(() => wake('recheck'), look.afterMs),
    );
  }

  async function run(signal: AbortSignal): Promise<void> {
    stopping = signal;
    const resync = setInterval(() => wake('timer'), settings.resyncIntervalMs);
    wake('start');
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    clearInterval(resync);
    for (const timer of [waiting, retry, ...rechecks.values()]) clearTimeout(timer);
    await finish(queue, hardStop, options.graceMs ?? 10_000);
  }

  return {
    wake,
    run,
    get busySince() {
      return busySince;
    },
  };
}

function withGathering({ nomadChanged }: Occasion, gatherUntil: number | undefined): Occasion {
  return { nomadChanged, ...(gatherUntil === undefined ? {} : { gatherUntil }) };
}

function isNomads(source: WakeSource): boolean {
  return source === 'stream' || source === 'blocking';
}

/** One change of a job, or of files, wakes several times. */
function mayHaveMore(source: WakeSource): boolean {
  return isNomads(source) || source === 'route-file' || source === 'policy-file';
}

/** The side that may have recovered, judging by this wake. */
function newsOf(source: WakeSource, targets: readonly string[]): readonly Side[] {
  switch (source) {
    case 'stream':
    case 'blocking':
      return [nomadSide];
    case 'route-file':
    case 'policy-file':
    case 'haproxy':
    case 'leader':
      return targets;
    case 'start':
    case 'timer':
    case 'retry':
    case 'recheck':
    case 'probe':
    case 'rollout':
      return [];
  }
}

async function finish(queue: PQueue, hardStop: AbortController, graceMs: number): Promise<void> {
  const waited = new AbortController();
  const timeout = delay(graceMs, undefined, { signal: waited.signal }).catch(() => undefined);
  await Promise.race([queue.onIdle(), timeout]);
  waited.abort();
  hardStop.abort();
  await queue.onIdle();
}
