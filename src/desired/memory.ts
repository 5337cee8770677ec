import type { ClaimRecord } from '../haproxy/claims-record.js';
import type { Sliced } from '../shared/slices.js';
import { claimsAfter } from './claims-after.js';
import type { ServicePlan } from './plan-service.js';
import type { RouteContext, ServiceContext } from './policy/context.js';
import { settleRoutes, type SettledRoutes } from './settle-routes.js';
import type { DesiredInput, DesiredState, Skipped } from './types.js';

/**
 * What a build leaves for the next one: same objects in, same objects out. It may be lost at any
 * time, which costs time and never changes a result.
 */
export interface DesiredMemory {
  /** What `plans` were made with. */
  context?: ServiceContext;
  /** By the catalog's service or the route file. Undefined: nothing is to be done for it. */
  plans: WeakMap<object, ServicePlan | undefined>;
  routing?: RouteContext;
  settled?: Settlement;
  /** A record that stays as it is, whatever the time: all of it is wanted, and nothing else. */
  steady?: { readonly record: ClaimRecord; readonly settled: SettledRoutes };
  last?: Built;
}

interface Settlement {
  readonly plans: readonly ServicePlan[];
  readonly record: ClaimRecord;
  readonly context: RouteContext;
  readonly settled: SettledRoutes;
}

/** The last build, with all that it depended on. */
interface Built {
  readonly plans: readonly ServicePlan[];
  readonly failed: readonly Skipped[];
  readonly settled: SettledRoutes;
  readonly claims: ClaimRecord | undefined;
  readonly rejected: DesiredInput['rejected'];
  readonly desired: DesiredState;
}

export function newDesiredMemory(): DesiredMemory {
  return { plans: new WeakMap() };
}

/** `settleRoutes`, unless nobody claims anything else than in the last build. */
export function* settledRoutes(
  plans: readonly ServicePlan[],
  record: ClaimRecord,
  context: RouteContext,
  memory: DesiredMemory,
): Sliced<SettledRoutes> {
  const before = memory.settled;
  const isSame = before?.record === record && before.context === context;
  if (isSame && claimTheSame(before.plans, plans)) return before.settled;
  const settled = yield* settleRoutes(plans, record, context);
  memory.settled = { plans, record, context, settled };
  return settled;
}

function claimTheSame(before: readonly ServicePlan[], after: readonly ServicePlan[]): boolean {
  if (before === after) return true;
  return (
    before.length === after.length &&
    after.every(({ offer, routes }, at) => {
      const one = before[at];
      return (
        one?.routes === routes &&
        one.offer.id === offer.id &&
        one.offer.claimedAt === offer.claimedAt
      );
    })
  );
}

/** `claimsAfter`, unless the record is known to stay as it is. */
export function* recordAfter(
  input: DesiredInput,
  settled: SettledRoutes,
  memory: DesiredMemory,
): Sliced<ClaimRecord | undefined> {
  const { claims: record, now } = input;
  const { steady, routing } = memory;
  if (routing === undefined || now === undefined) return undefined;
  if (steady !== undefined && steady.record === record && steady.settled === settled) return record;
  const after = yield* claimsAfter(input, settled, routing);
  delete memory.steady;
  if (after !== undefined && after === record) memory.steady = { record, settled };
  return after;
}
