import { stampOf } from '../haproxy/scope.js';
import type { ActualState } from '../actual/types.js';
import type { Settings, SyncPolicy } from '../config/types.js';
import { planDocument, type PlanDocument, type Redact } from '../diff/print/print.js';
import type { Plan, Step } from '../diff/types.js';
import { sha256, sortedJson } from './digest.js';

/** A plan that can be applied later, if nothing moved in between. */
export interface SavedPlan extends PlanDocument {
  readonly basis: Basis;
}

/** What the plan was made from, and a digest of all that it would write. */
export interface Basis {
  readonly target: string;
  /** `region/namespace/tags.prefix`. */
  readonly scope: string;
  readonly ownershipPrefix: string;
  /** Absent: `sync`. */
  readonly syncPolicy?: SyncPolicy;
  /** SHA-256 of HAProxy's configuration file. */
  readonly configChecksum: string;
  /** SHA-256 of the steps. */
  readonly stepsDigest: string;
}

export interface Planned {
  readonly target: string;
  readonly plan: Plan;
  readonly actual: Pick<ActualState, 'raw'>;
}

export function savedPlan({ plan, ...from }: Planned, settings: Settings, redact: Redact) {
  return { ...redacted(planDocument(plan), redact), basis: basisOf({ plan, ...from }, settings) };
}

export function basisOf({ target, plan, actual }: Planned, settings: Settings): Basis {
  return {
    target,
    scope: stampOf(settings).scope,
    ownershipPrefix: settings.ownership.prefix,
    syncPolicy: settings.sync.policy,
    configChecksum: sha256(actual.raw),
    stepsDigest: digestOf(plan.steps),
  };
}

/** As it is printed. */
export function redacted(document: PlanDocument, redact: Redact): PlanDocument {
  const each = (_key: string, value: unknown): unknown =>
    typeof value === 'string' ? redact(value) : value;
  return JSON.parse(JSON.stringify(document, each)) as PlanDocument;
}

/**
 * The same steps have the same digest, whenever they are planned: neither the second in which a drain
 * begins nor Nomad's index counts.
 */
function digestOf(steps: readonly Step[]): string {
  const timeless = (key: string, value: unknown): unknown => {
    if (key === 'drainingSince') return true;
    return key === 'nomadIndex' ? undefined : value;
  };
  return sha256(sortedJson(steps, timeless));
}
