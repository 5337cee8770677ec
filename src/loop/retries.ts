import { nomadSide, type Side } from '../pass/run.js';
import { type Backoff, createBackoff } from '../shared/backoff.js';

/** When each side that failed may be asked again. All times in milliseconds of a monotonic clock. */
export interface Retries {
  /** Returns the wait until the next try: the longest where only a person can mend it. */
  readonly failed: (side: Side, retryable: boolean) => number;
  readonly succeeded: (side: Side) => void;
  /** There is news from this side: it may be asked again soon, but less so each time that is in vain. */
  readonly hurry: (side: Side) => void;
  readonly isDue: (side: Side) => boolean;
  /**
   * Milliseconds until the next side that waits is due; undefined where none waits. Nobody is due
   * before Nomad.
   */
  readonly untilNext: () => number | undefined;
}

interface Failure {
  readonly failedAt: number;
  readonly retryAt: number;
  /** How often in a row it failed again although there was news. */
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
      const waiting = all.map(({ retryAt }) => retryAt - now());
      return waiting.length === 0 ? undefined : Math.max(0, Math.min(...waiting));
    },
  };
}
