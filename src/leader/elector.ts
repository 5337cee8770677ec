/**
 * Who of several connectors writes. The leader holds Nomad's lock and may write as long as its last
 * successful renewal was sent less than the time to live ago, by a monotonic clock. Nomad frees the
 * lock after twice that time, so two never may at once, however long one was stopped.
 */

import { setTimeout as delay } from 'node:timers/promises';

import { createBackoff } from '../shared/backoff.js';
import { scopeOf } from '../shared/concurrent.js';
import { asConnectorError, ConnectorError } from '../shared/errors.js';
import type { Held, Seen, VariableLock } from './lock.js';
import type { Leadership, Office } from './office.js';

export type Change =
  | { readonly kind: 'leader'; readonly term: number }
  /** Nothing was renewed for the time to live. The lock may still be ours. */
  | { readonly kind: 'expired'; readonly term: number }
  /** It is another's, or free. */
  | { readonly kind: 'lost'; readonly term: number }
  | { readonly kind: 'released'; readonly term: number }
  | { readonly kind: 'standby'; readonly holder: string }
  | { readonly kind: 'failed'; readonly error: ConnectorError };

export interface ElectorOptions {
  readonly lock: VariableLock;
  readonly ttlMs: number;
  readonly onChange: (change: Change) => void;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

export interface Elector {
  /** Undefined: this process stands by. */
  readonly office: () => Office | undefined;
  readonly leadership: () => Leadership;
  /** Stands by and leads in turn. After the signal it takes no lock, and goes on to renew the one it has. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Takes the lock now or throws `not-leader`. `run` renews it from then on. */
  readonly acquire: (signal: AbortSignal) => Promise<void>;
  /** Ends all of it, and releases the lock: another takes over at once. */
  readonly close: () => Promise<void>;
}

/** After a failed request. */
const retryMs = 1000;
const maxRetryMs = 10_000;

interface Tenure extends Held {
  /** When the last renewal that succeeded was sent. */
  renewedAt: number;
  isExpired: boolean;
}

export function createElector(options: ElectorOptions): Elector {
  const { lock, ttlMs, onChange, now = () => performance.now(), wait = sleep } = options;
  const closing = new AbortController();
  let tenure: Tenure | undefined;
  let running: Promise<void> | undefined;
  let lastError: string | undefined;
  /** Of the holder, by the last read of the lock. */
  let known: Seen | undefined;

  const isFresh = (one: Tenure): boolean => tenure === one && now() - one.renewedAt < ttlMs;

  function office(): Office | undefined {
    const current = tenure;
    if (current === undefined || !isFresh(current)) return undefined;
    return {
      term: current.term,
      mayWrite: () => isFresh(current),
      confirm: () => renew(current),
    };
  }

  function leadership(): Leadership {
    const base = { lock: lock.path, leads: office() !== undefined };
    if (tenure !== undefined) return { ...base, holder: lock.ownName, term: tenure.term };
    const { holder, term } = known ?? {};
    return {
      ...base,
      ...(holder === undefined ? {} : { holder }),
      ...(term === undefined ? {} : { term }),
    };
  }

  function failed(thrown: unknown): void {
    const error = asConnectorError(thrown);
    if (error.message !== lastError) onChange({ kind: 'failed', error });
    lastError = error.message;
  }

  async function take(): Promise<boolean> {
    const sentAt = now();
    const held = await lock.acquire();
    if (held === undefined) return false;
    lastError = undefined;
    tenure = { ...held, renewedAt: sentAt, isExpired: false };
    onChange({ kind: 'leader', term: held.term });
    return true;
  }

  /** Only an answer that denies it means that the lock is lost. */
  async function renew(one: Tenure): Promise<boolean> {
    const sentAt = now();
    try {
      const isOurs = await lock.renew(one.id);
      if (tenure !== one) return false;
      lastError = undefined;
      if (!isOurs) return lose(one);
      one.renewedAt = Math.max(one.renewedAt, sentAt);
      if (one.isExpired && isFresh(one)) {
        one.isExpired = false;
        onChange({ kind: 'leader', term: one.term });
      }
      return isFresh(one);
    } catch (error) {
      failed(error);
      return false;
    }
  }

  function lose(one: Tenure): false {
    [tenure, known] = [undefined, undefined];
    onChange({ kind: 'lost', term: one.term });
    return false;
  }

  /** Until the lock is lost, or the elector is closed. */
  async function lead(one: Tenure): Promise<void> {
    let isRenewed = true;
    while (tenure === one && !closing.signal.aborted) {
      const untilExpiry = one.isExpired ? Infinity : one.renewedAt + ttlMs - now();
      await wait(
        Math.max(0, Math.min(isRenewed ? ttlMs / 3 : retryMs, untilExpiry)),
        closing.signal,
      );
      if (tenure !== one || closing.signal.aborted) return;
      expire(one);
      isRenewed = await renew(one);
      expire(one);
    }
  }

  function expire(one: Tenure): void {
    if (tenure !== one || one.isExpired || isFresh(one)) return;
    one.isExpired = true;
    onChange({ kind: 'expired', term: one.term });
  }

  /** One try to take it per change of the variable, and again where Nomad didn't answer that. */
  async function standBy(stop: AbortSignal): Promise<void> {
    const backoff = createBackoff(retryMs, maxRetryMs);
    let seen: Seen | undefined;
    let told: string | undefined;
    while (!stop.aborted) {
      try {
        const read = await lock.read(seen, stop);
        const isChanged = seen?.index !== read.index;
        if (isChanged && !stop.aborted && (await take())) return;
        [seen, known] = [read, read];
        lastError = undefined;
        backoff.reset();
        const { holder = 'another', term = 0 } = read;
        const news = `${holder} ${term}`;
        if (isChanged && told !== news) onChange({ kind: 'standby', holder });
        told = news;
      } catch (error) {
        if (stop.aborted) return;
        failed(error);
        await wait(backoff.next(), stop);
      }
    }
  }

  async function elect(signal: AbortSignal): Promise<void> {
    const stop = scopeOf(signal);
    closing.signal.addEventListener('abort', () => stop.abort(), { once: true });
    while (!closing.signal.aborted) {
      if (tenure !== undefined) await lead(tenure);
      else if (stop.signal.aborted) break;
      else await standBy(stop.signal);
    }
    stop.done();
  }

  return {
    ...{ office, leadership },
    run: (signal) => (running ??= elect(signal)),
    acquire: async (signal) => {
      const { holder } = await lock.read(undefined, signal);
      if (!(await take())) throw heldBy(lock.path, holder);
    },
    close: async () => {
      closing.abort();
      await running;
      const last = tenure;
      if (last === undefined) return;
      // Nothing is written any more, whether or not the release arrives.
      tenure = undefined;
      await lock.release(last.id).catch(failed);
      onChange({ kind: 'released', term: last.term });
    },
  };
}

function heldBy(path: string, holder: string | undefined): ConnectorError {
  const who = holder === undefined ? 'another connector' : holder;
  return new ConnectorError(
    'not-leader',
    `${who} holds the lock ${path}: nothing was changed; run this where and when no other leads`,
  );
}

function sleep(ms: number, signal: AbortSignal): Promise<unknown> {
  return delay(ms, undefined, { signal }).catch(() => undefined);
}
