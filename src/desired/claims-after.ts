import { type ClaimRecord, keyPart, nextRecord } from '../haproxy/claims-record.js';
import { noFacts } from '../haproxy/facts.js';
import { namespaceOf } from '../haproxy/ownership.js';
import { serviceLabel } from '../haproxy/names.js';
import { claimKey } from './claims.js';
import { type Claimant, hostKey, hostKeysOf } from './host-claims.js';
import { isTenant, type RouteContext } from './policy/context.js';
import { grantsFor } from './policy/routes.js';
import type { DesiredInput } from './types.js';

/**
 * The record of claims after this pass. What Nomad doesn't show, but HAProxy still serves, and what
 * a read that can't be trusted for removals lacks, isn't gone.
 */
export function claimsAfter(
  { catalog, claims: before = {}, facts = noFacts, now }: DesiredInput,
  claimants: readonly Claimant[],
  context: RouteContext,
): ClaimRecord | undefined {
  if (now === undefined) return undefined;
  const tenants = claimants.filter(({ id }) => isTenant(id));
  const wanted = tenants.flatMap(({ id, routes }) =>
    routes.flatMap((route) => {
      const isGuest = grantsFor(context, id.namespace, route).length > 0;
      return [claimKey(id, route), ...(isGuest ? [] : [hostKey(id.namespace, route)])];
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
  return nextRecord({ before, wanted, mayGo, now, graceMs: context.policy.claimGraceMs });
}
