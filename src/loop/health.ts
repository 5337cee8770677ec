import type { SyncSettings } from '../config/types.js';
import type { Picture } from '../pass/picture.js';
import { type Failure, nomadSide } from '../pass/run.js';
import type { Condition, Status } from '../server/http.js';

export interface Health extends Status {
  readonly succeeded: (picture: Picture) => void;
  readonly failed: (failure: Failure) => void;
  readonly joined: (target: string) => void;
  readonly left: (target: string) => void;
}

export interface HealthOptions {
  readonly sync: SyncSettings;
  /** Names of the targets. All of them must be in sync. */
  readonly targets: readonly string[];
  /** Start of the current pass in Unix milliseconds. */
  readonly busySince: () => number | undefined;
  /** Whether another connector writes: then what is left to do is the other's. */
  readonly standsBy?: () => boolean;
  /** Why there is no target. */
  readonly lacksTargets?: () => string;
  readonly now?: () => number;
}

/** A pass that runs this long counts as hung. */
const hangMs = 300_000;

/** Sync state of one target. */
interface Sync {
  /** A pass left nothing that waits for its time or turn: from then on, waiting is no lack. */
  readonly isFilled?: boolean;
  readonly lastSuccess?: number;
  readonly problem?: string;
  readonly failure?: string;
}

/**
 * Alive: no pass hangs. Ready: for every target, the last successful pass is recent enough and left
 * nothing to do.
 */
export function createHealth(options: HealthOptions): Health {
  const { sync, targets, busySince, standsBy = () => false, now = Date.now } = options;
  const isOne = targets.length === 1;
  const staleMs = Math.max(3 * sync.resyncIntervalMs, 90_000);
  const syncs = new Map<string, Sync>(targets.map((name) => [name, {}]));

  function ready(): Condition {
    const isStandby = standsBy();
    if (syncs.size === 0) return { ok: false, reason: options.lacksTargets?.() ?? 'no HAProxy' };
    for (const [name, known] of syncs) {
      const { problem: _, ...read } = known;
      const reason = whyNotReady(isStandby ? read : known, now(), staleMs);
      if (reason !== undefined) {
        return { ok: false, reason: isOne ? reason : `${name}: ${reason}` };
      }
    }
    return isStandby ? { ok: true, standsBy: true } : { ok: true };
  }

  return {
    ready,
    alive: () => {
      const since = busySince();
      if (since === undefined || now() - since < hangMs) return { ok: true };
      return {
        ok: false,
        reason: `a pass has been running for ${Math.round((now() - since) / 1000)} s`,
      };
    },
    succeeded: ({ target, rest }) => {
      const isFilled = syncs.get(target)?.isFilled === true || rest.gathering === undefined;
      const left = isFilled && rest.gathering !== undefined ? 0 : rest.steps.length;
      // Without spare servers everything is routed all the same.
      const grave = rest.problems.find(({ code }) => code !== 'servers-short');
      const problem = grave?.message ?? unfinished(left);
      syncs.set(target, {
        isFilled,
        lastSuccess: now(),
        ...(problem === undefined ? {} : { problem }),
      });
    },
    failed: ({ side, error }) => {
      for (const name of side === nomadSide ? [...syncs.keys()] : [side]) {
        syncs.set(name, { ...syncs.get(name), failure: error.message });
      }
    },
    joined: (target) => syncs.set(target, {}),
    left: (target) => syncs.delete(target),
  };
}

function whyNotReady(
  { lastSuccess, problem, failure }: Sync,
  now: number,
  staleMs: number,
): string | undefined {
  const why = failure === undefined ? '' : `: ${failure}`;
  if (lastSuccess === undefined) return `no sync yet${why}`;
  if (problem !== undefined) return problem;
  const age = now - lastSuccess;
  return age <= staleMs ? undefined : `last sync ${Math.round(age / 1000)} s ago${why}`;
}

function unfinished(steps: number): string | undefined {
  return steps === 0 ? undefined : `${steps} planned steps were not applied`;
}
