import { setTimeout as delay } from 'node:timers/promises';

import PQueue from 'p-queue';

import type { SyncSettings } from '../config/types.js';
import { asConnectorError, type ConnectorError } from '../shared/errors.js';
import { createBackoff } from '../shared/backoff.js';
import type { PassResult } from '../pass/pass.js';

export type WakeSource =
  'start' | 'stream' | 'blocking' | 'timer' | 'retry' | 'recheck' | 'route-file';

export interface ControllerOptions {
  readonly pass: (signal: AbortSignal) => Promise<PassResult>;
  readonly settings: SyncSettings;
  readonly onWake: (source: WakeSource) => void;
  readonly onSuccess: (result: PassResult) => void;
  readonly onFailure: (error: ConnectorError) => void;
  /** How long a pass may go on after a stop was asked for; then it rolls back. */
  readonly graceMs?: number;
}

export interface Controller {
  /** Asks for a pass. However many ask while one waits, one follows. */
  readonly wake: (source: WakeSource) => void;
  /** Runs until the signal; resolves when the pass in hand has ended. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Unix milliseconds at which the pass in hand began; undefined between passes. */
  readonly busySince: number | undefined;
}

/** While something drains, or a removal waits for a second read. */
const recheckMs = 1000;
const confirmMs = 500;
/** How long servers that wait for their checks are watched, so that the server state file follows. */
const settleMs = 60_000;

/** The queue and its wakes: at most one pass at a time, for ever, whatever fails. */
export function createController(options: ControllerOptions): Controller {
  const { settings } = options;
  const queue = new PQueue({ concurrency: 1 });
  const backoff = createBackoff(settings.backoffMinMs, settings.backoffMaxMs);
  const hardStop = new AbortController();
  const timers = new Set<NodeJS.Timeout>();
  let stopping = new AbortController().signal;
  let firstWake: number | undefined;
  let debounce: NodeJS.Timeout | undefined;
  let busySince: number | undefined;
  let lastWaiting = '';
  let waitingSince = 0;

  function wake(source: WakeSource): void {
    if (stopping.aborted) return;
    options.onWake(source);
    const now = Date.now();
    firstWake ??= now;
    const wait = Math.min(settings.debounceMs, firstWake + settings.debounceMaxMs - now);
    clearTimeout(debounce);
    debounce = setTimeout(enqueue, source === 'start' ? 0 : Math.max(0, wait));
  }

  function enqueue(): void {
    firstWake = undefined;
    // A pass that waits will see what this wake is about.
    if (queue.size > 0 || stopping.aborted) return;
    void queue.add(passOnce);
  }

  async function passOnce(): Promise<void> {
    if (stopping.aborted) return;
    busySince = Date.now();
    try {
      const result = await options.pass(hardStop.signal);
      backoff.reset();
      options.onSuccess(result);
      lookAgain(result);
    } catch (error) {
      if (!hardStop.signal.aborted) options.onFailure(asConnectorError(error));
      void backoff.wait(stopping).then(() => wake('retry'));
    } finally {
      busySince = undefined;
    }
  }

  function lookAgain({ rest }: PassResult): void {
    const waiting = rest.waiting.join(' ');
    if (waiting !== lastWaiting) waitingSince = Date.now();
    lastWaiting = waiting;
    // A server that stays DOWN for long needs nobody to look.
    const gates = waiting !== '' && Date.now() - waitingSince < settleMs;
    if (rest.held?.releasable === true) wakeIn(confirmMs);
    else if (rest.inMotion || gates || rest.steps.length > 0) wakeIn(recheckMs);
  }

  function wakeIn(ms: number): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      wake('recheck');
    }, ms);
    timers.add(timer);
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
    clearTimeout(debounce);
    for (const timer of timers) clearTimeout(timer);
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

async function finish(queue: PQueue, hardStop: AbortController, graceMs: number): Promise<void> {
  const waited = new AbortController();
  const timeout = delay(graceMs, undefined, { signal: waited.signal }).catch(() => undefined);
  await Promise.race([queue.onIdle(), timeout]);
  waited.abort();
  hardStop.abort();
  await queue.onIdle();
}
