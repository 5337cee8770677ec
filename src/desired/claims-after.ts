import { type ClaimRecord, keyPart, nextRecord } from '../haproxy/claims-record.js';
import { noFacts } from '../haproxy/facts.js';
import { namespaceOf } from '../haproxy/ownership.js';
import { serviceLabel } from '../haproxy/names.js';
import { compareText } from '../shared/compare.js';
import { flatMapInSlices, type Sliced } from '../shared/slices.js';
import { claimKey } from './claims.js';
import { type Claimant, hostKey, hostKeysOf } from './host-claims.js';
import { isTenant, type RouteContext } from './policy/context.js';
import { grantsFor } from './policy/routes.js';
import type { SettledRoutes } from './settle-routes.js';
import type { DesiredInput } from './types.js';

/**
 * The record of claims after this pass. What Nomad doesn't show, but HAProxy still serves, and what
 * a read that can't be trusted for removals lacks, isn't gone. A host that is refused is not claimed:
 * otherwise it would take precedence over what came later once its owner, or its own service, is gone.
 */
export function* claimsAfter(
  { catalog, claims: before = {}, facts = noFacts, now }: DesiredInput,
  { claimants, refusedHosts }: Pick<SettledRoutes, 'claimants' | 'refusedHosts'>,
  context: RouteContext,
): Sliced<ClaimRecord | undefined> {
  if (now === undefined) return undefined;
  const tenants = claimants.filter(({ id }) => isTenant(id));
  const refused = new Set(refusedHosts);
  // Recorded in the order in which they are settled: an owner that goes loses no precedence.
  const wanted = yield* flatMapInSlices([...tenants].sort(byJobAge), ({ id, routes }) =>
    routes.flatMap((route) => {
      const isGuest = grantsFor(context, id.namespace, route).length > 0;
      const host = hostKey(id.namespace, route);
      return [claimKey(id, route), ...(isGuest || refused.has(host) ? [] : [host])];
    }),
  );
  const present = new Set(tenants.map(({ id }) => serviceLabel(id)));
  const absent = facts.served.filter((service) => !present.has(service));
  const held = [
    ...absent.map((service) => `route|${keyPart(service)}|`),
    ...[...new Set(absent.map(namespaceOf))].map(hostKeysOf),
  ];
  const trusted = catalog.trust.removals === 'allowed';
  const mayGo = (key: string): boolean => trusted && !held.some((start) => key.startsWith(start));
  yield;
  return nextRecord({ before, wanted, mayGo, now, graceMs: context.policy.claimGraceMs });
}

function byJobAge(a: Claimant, b: Claimant): number {
  return (
    a.claimedAt - b.claimedAt ||
    compareText(a.id.namespace, b.id.namespace) ||
    compareText(a.id.name, b.id.name)
  );
}
