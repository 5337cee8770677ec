import type { SyncSettings } from '../config/types.js';
import type { PassResult } from '../pass/pass.js';
import type { Condition, Status } from '../server/http.js';

export interface Health extends Status {
  readonly succeeded: (result: PassResult) => void;
  readonly failed: (message: string) => void;
}

/** A pass that takes this long hangs. */
const hangMs = 300_000;

/**
 * Alive: no pass hangs. Ready: a pass has ended well, not too long ago, and what it routes is really
 * routed: readiness tells the truth.
 */
export function createHealth(
  sync: SyncSettings,
  busySince: () => number | undefined,
  now: () => number = Date.now,
): Health {
  let lastSuccess: number | undefined;
  let problem: string | undefined;
  let failure: string | undefined;
  const staleMs = Math.max(3 * sync.resyncIntervalMs, 90_000);

  function ready(): Condition {
    if (lastSuccess === undefined) {
      return { ok: false, reason: `no sync yet${failure === undefined ? '' : `: ${failure}`}` };
    }
    if (problem !== undefined) return { ok: false, reason: problem };
    const age = now() - lastSuccess;
    if (age <= staleMs) return { ok: true };
    const why = failure === undefined ? '' : `: ${failure}`;
    return { ok: false, reason: `last sync ${Math.round(age / 1000)} s ago${why}` };
  }

  return {
    ready,
    alive: () => {
      const since = busySince();
      if (since === undefined || now() - since < hangMs) return { ok: true };
      return { ok: false, reason: `a pass has run for ${Math.round((now() - since) / 1000)} s` };
    },
    succeeded: ({ rest }) => {
      lastSuccess = now();
      failure = undefined;
      problem = rest.problems[0]?.message ?? unfinished(rest.steps.length);
    },
    failed: (message) => (failure = message),
  };
}

function unfinished(steps: number): string | undefined {
  return steps === 0 ? undefined : `${steps} steps are left to do`;
}
