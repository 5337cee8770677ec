import { setTimeout as delay } from 'node:timers/promises';

import { createBackoff } from '../shared/backoff.js';
import { scopeOf } from '../shared/concurrent.js';
import { asConnectorError, type ConnectorError } from '../shared/errors.js';
import { refusal } from './answers.js';
import type { DataPlaneReader } from './dataplane-client.js';
import { afterFailure, afterSuccess, judge, nothingKnown, parseSight } from './normalise/sight.js';
import type { ActualState } from './types.js';

export interface WatchOptions {
  readonly client: DataPlaneReader;
  readonly intervalMs: number;
  /** While a pass runs, no request is sent and pending results are dropped. */
  readonly isBusy: () => boolean;
  /** HAProxy has changed since the last pass. */
  readonly onWake: () => void;
  readonly signal: AbortSignal;
  readonly log: { warn(message: string, fields?: Record<string, unknown>): unknown };
}

export interface Watch {
  readonly succeeded: (actual: ActualState) => void;
  readonly failed: (error: ConnectorError) => void;
  /** A pass ended before it wrote anything to this HAProxy. */
  readonly unchanged: () => void;
  /** Resolves after the abort. */
  readonly done: Promise<void>;
}

const longestMs = 5000;
/** An answer normally takes a millisecond. */
const deadlineMs = 5000;

/**
 * Sends one cheap GET per interval. It detects restarts, other writers' commits and manual edits
 * long before the next timer. It is only a hint: errors here fail nothing, as the next pass finds
 * them.
 */
export function startWatch({ client, ...options }: WatchOptions): Watch {
  const { intervalMs, isBusy, signal } = options;
  const backoff = createBackoff(intervalMs, Math.max(intervalMs, longestMs));
  let known = nothingKnown;
  let passes = 0;
  let isTold = false;

  async function run(): Promise<void> {
    let waitMs = intervalMs;
    while (!signal.aborted) {
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      waitMs = isBusy() ? intervalMs : await look();
    }
  }

  /** Returns the delay before the next poll. */
  async function look(): Promise<number> {
    const before = passes;
    const { glance, error } = await ask(client, signal);
    if (signal.aborted) return 0;
    if (glance === 'down') tell(error);
    else isTold = false;
    if (!isBusy() && passes === before) {
      const judgement = judge(known, glance, performance.now());
      known = judgement.known;
      if (judgement.wakes) options.onWake();
    }
    if (error !== undefined) return backoff.next();
    backoff.reset();
    return intervalMs;
  }

  function tell(error: ConnectorError | undefined): void {
    if (isTold) return;
    isTold = true;
    const why = error?.message ?? 'HAProxy does not answer on its runtime socket';
    options.log.warn("HAProxy can't be reached", { error: why });
  }

  function ended(next: typeof known): void {
    passes++;
    known = next;
  }

  return {
    succeeded: ({ configVersion, haproxy }) =>
      ended(afterSuccess(known, { version: configVersion, pid: haproxy.pid })),
    failed: ({ code }) =>
      ended(afterFailure(known, code === 'haproxy-down' || code === 'haproxy-unreachable')),
    unchanged: () => ended(known),
    done: run(),
  };
}

/** `error`: the Data Plane API gave no usable answer. */
async function ask(client: DataPlaneReader, signal: AbortSignal) {
  const scope = scopeOf(signal);
  const deadline = setTimeout(() => scope.abort(), deadlineMs);
  try {
    const response = await client.get('/runtime/info', { signal: scope.signal });
    const glance = parseSight(response);
    return response.status === 200 ? { glance } : { glance, error: refusal(response, 'watch') };
  } catch (error) {
    return { glance: 'down' as const, error: asConnectorError(error) };
  } finally {
    clearTimeout(deadline);
    scope.done();
  }
}
