/**
 * One blocking query on the list of services. Its index covers the whole table, so it sees every
 * catalog change, including those the event stream loses. Unlike the stream, it also reports lost
 * rights and a lost leader.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { asConnectorError } from '../../shared/errors.js';
import { createBackoff } from '../../shared/backoff.js';
import type { NomadClient } from '../nomad/client.js';
import type { ObserveLog, WakeTiming } from './types.js';

export interface BlockingQueryOptions {
  readonly client: NomadClient;
  readonly namespace: string;
  readonly onWake: () => void;
  /** Called before the wake, with an index that is lower than the one before. */
  readonly onBack: (index: number) => void;
  readonly signal: AbortSignal;
  readonly log: ObserveLog;
  readonly timing: WakeTiming;
}

export interface BlockingQuery {
  /** The last index; 0 before the first answer and after a failure. */
  index(): number;
  /** Resolves after the abort, once everything has ended. */
  readonly done: Promise<void>;
}

/** Minimum delay between answers, so that a query that never blocks can't flood Nomad. */
const leastPauseMs = 20;

export function startBlockingQuery(options: BlockingQueryOptions): BlockingQuery {
  const { signal, timing, log, namespace, onWake } = options;
  const backoff = createBackoff(timing.backoffMinMs, timing.backoffMaxMs);
  let index = 0;
  const step = async (): Promise<void> => {
    // Never wait on index 0, which wouldn't block. The first read is a normal one.
    const next = await ask(options, index);
    backoff.reset();
    if (next < index) options.onBack(next);
    // Wakes on a change, an index that went back, and the first answer after failures.
    if (next !== index) onWake();
    index = next;
    await delay(leastPauseMs, undefined, { signal });
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (signal.aborted) return;
        log.warn('blocking query failed', { namespace, errorCode: asConnectorError(error).code });
        // Wake once: the pass reports what is wrong and retries with its own backoff.
        if (index > 0) onWake();
        index = 0;
        await backoff.wait(signal);
      }
    }
  };
  return { index: () => index, done: run() };
}

async function ask(options: BlockingQueryOptions, index: number): Promise<number> {
  const { client, namespace, signal, timing } = options;
  const wait = `${timing.blockMs}ms`;
  const answer = await client.get('/v1/services', {
    query: index > 0 ? { namespace, index, wait } : { namespace },
    signal,
    // Nomad adds up to a sixteenth to the wait.
    waitMs: Math.ceil(timing.blockMs * (17 / 16)),
  });
  return answer.index;
}
