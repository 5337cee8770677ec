import type { ClaimRecord } from '../haproxy/claims-record.js';
import { mapInSlices, type Sliced } from '../shared/slices.js';
import { settleClaims } from './claims.js';
import type { Claimant } from './host-claims.js';
import { settleHosts } from './host-owners.js';
import type { ServicePlan } from './plan-service.js';
import type { RouteContext } from './policy/context.js';
import { refusedRoute, takenFromOperator } from './policy/routes.js';
import type { DesiredRoute } from './types.js';

/** A route that a service doesn't get, or gets from the operator. */
export interface Loss {
  readonly code: 'policy' | 'domain-claimed';
  readonly message: string;
}

export interface Settled {
  readonly kept: readonly DesiredRoute[];
  readonly lost: readonly Loss[];
  /** Worth a warning, though the route is kept. */
  readonly noted: readonly Loss[];
}

export interface SettledRoutes {
  /** In the order of the plans. */
  readonly results: readonly Settled[];
  readonly claimants: readonly Claimant[];
  readonly vacant: readonly DesiredRoute[];
  /** Keys of claims on hosts that another namespace has. */
  readonly refusedHosts: readonly string[];
}

/**
 * Who gets which route: first what the policy allows, then hosts between namespaces, then routes
 * between services. A skipped service keeps its claims, so a typo in a tag gives no domain away.
 */
export function* settleRoutes(
  plans: readonly ServicePlan[],
  record: ClaimRecord,
  context: RouteContext,
): Sliced<SettledRoutes> {
  const refusals = yield* mapInSlices(plans, ({ offer: { id }, routes }) =>
    routes.map((route) => refusedRoute(context, id, route)),
  );
  const claimants = plans.map(({ offer: { id, claimedAt }, routes }, at): Claimant => {
    return { id, claimedAt, routes: routes.filter((_, n) => refusals[at]?.[n] === undefined) };
  });
  const { owned, vacant, refused } = yield* settleHosts(claimants, record, context);
  yield;
  const claims = settleClaims(
    claimants.map(({ id, claimedAt }, at) => {
      return { service: id, claimedAt, routes: owned[at]?.kept ?? [] };
    }),
    record,
  );
  yield;
  const results: Settled[] = [];
  for (const [at, { offer }] of plans.entries()) {
    const { kept = [], lost = [] } = claims[at] ?? {};
    results.push({
      kept,
      lost: [
        ...losses(
          'policy',
          refusals[at]?.flatMap((refusal) => refusal ?? []),
        ),
        ...losses('domain-claimed', owned[at]?.lost),
        ...losses('domain-claimed', lost),
      ],
      noted: losses(
        'policy',
        kept.flatMap((route) => takenFromOperator(context, offer.id, route) ?? []),
      ),
    });
    yield;
  }
  return { results, claimants, vacant, refusedHosts: refused };
}

function losses(code: Loss['code'], messages: readonly string[] = []): readonly Loss[] {
  return messages.map((message) => ({ code, message }));
}
