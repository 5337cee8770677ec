import { nomadSide, type Side } from '../pass/run.js';
import { type Backoff, createBackoff } from '../shared/backoff.js';

/** When each failed side may be retried. All times are milliseconds of a monotonic clock. */
export interface Retries {
  /**
   * Returns the delay before the next retry: the longest one if only a person can fix the error.
   */
  readonly failed: (side: Side, retryable: boolean) => number;
  readonly succeeded: (side: Side) => void;
  /** A pass left what may fail to a later one: nothing waits, and the next failure waits longer. */
  readonly postponed: (side: Side) => void;
  /** A wake from this side: it may be retried soon, but later each time that doesn't help. */
  readonly hurry: (side: Side) => void;
  readonly isDue: (side: Side) => boolean;
  /**
   * Milliseconds until the next waiting side is due; undefined if none waits. No target is due
   * before Nomad.
   */
  readonly untilNext: () => number | undefined;
}

interface Failure {
  readonly failedAt: number;
  readonly retryAt: number;
  /** Consecutive failures that followed a wake from this side. */
  readonly inVain: number;
  readonly hurried: boolean;
}

export function createRetries(
  { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
  now: () => number = () => performance.now(),
  random?: () => number,
): Retries {
  const backoffs = new Map<Side, Backoff>();
  const failures = new Map<Side, Failure>();

  function backoffOf(side: Side): Backoff {
    const known = backoffs.get(side) ?? createBackoff(minMs, maxMs, random);
    backoffs.set(side, known);
    return known;
  }

  return {
    failed: (side, retryable) => {
      const failedAt = now();
      const next = backoffOf(side).next();
      const wait = retryable ? next : maxMs;
      const last = failures.get(side);
      const inVain = last?.hurried === true ? last.inVain + 1 : 0;
      failures.set(side, { failedAt, retryAt: failedAt + wait, inVain, hurried: false });
      return wait;
    },
    succeeded: (side) => {
      failures.delete(side);
      backoffs.get(side)?.reset();
    },
    postponed: (side) => {
      const failure = failures.get(side);
      if (failure !== undefined) failures.set(side, { ...failure, retryAt: -Infinity });
    },
    hurry: (side) => {
      const failure = failures.get(side);
      if (failure === undefined) return;
      const soon = failure.failedAt + minMs * 2 ** Math.min(30, failure.inVain);
      const retryAt = Math.min(failure.retryAt, soon);
      failures.set(side, { ...failure, retryAt, hurried: true });
    },
    isDue: (side) => (failures.get(side)?.retryAt ?? 0) <= now(),
    untilNext: () => {
      const nomad = failures.get(nomadSide);
      const all = nomad === undefined ? [...failures.values()] : [nomad];
      const waiting = all
        .filter(({ retryAt }) => retryAt > -Infinity)
        .map(({ retryAt }) => retryAt - now());
      return waiting.length === 0 ? undefined : Math.max(0, Math.min(...waiting));
    },
  };
}
