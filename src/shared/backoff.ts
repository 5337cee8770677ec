import { setTimeout as delay } from 'node:timers/promises';

export interface Backoff {
  /** Waits longer each time, with jitter. Resolves at once, and never rejects, on abort. */
  wait(signal: AbortSignal): Promise<void>;
  reset(): void;
}

export function createBackoff(minMs: number, maxMs: number, random = Math.random): Backoff {
  let failures = 0;
  return {
    wait: async (signal) => {
      const longest = Math.min(maxMs, minMs * 2 ** failures);
      failures = Math.min(failures + 1, 30);
      const ms = longest * (0.5 + random() / 2);
      await delay(ms, undefined, { signal }).catch(() => undefined);
    },
    reset: () => {
      failures = 0;
    },
  };
}
