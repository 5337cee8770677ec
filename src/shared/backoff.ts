import { setTimeout as delay } from 'node:timers/promises';

export interface Backoff {
  /** Milliseconds until the next retry: longer each time, with jitter. */
  next(): number;
  /** Waits that long. On abort, resolves at once and never rejects. */
  wait(signal: AbortSignal): Promise<void>;
  reset(): void;
}

/** Exponential from `minMs` to `maxMs`. Each delay is 50 to 100 % of its step. */
export function createBackoff(minMs: number, maxMs: number, random = Math.random): Backoff {
  let failures = 0;
  const next = (): number => {
    const longest = Math.min(maxMs, minMs * 2 ** failures);
    failures = Math.min(failures + 1, 30);
    return longest * (0.5 + random() / 2);
  };
  return {
    next,
    wait: async (signal) => {
      await delay(next(), undefined, { signal }).catch(() => undefined);
    },
    reset: () => {
      failures = 0;
    },
  };
}
