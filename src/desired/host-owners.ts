import type { ClaimRecord } from '../haproxy/claims-record.js';
import type { Sliced } from '../shared/slices.js';
import { describeRoute } from './domains.js';
import {
  type Claimant,
  type HostClaim,
  hostClaims,
  hostKey,
  isContested,
  isNewUnder,
  isSpared,
} from './host-claims.js';
import { hostIndex, type HostIndex } from './host-index.js';
import { isAskedBefore, isWithin, overlap } from './host-sets.js';
import { isTenant, namespacePolicy, type RouteContext } from './policy/context.js';
import { type Grantor, grantsFor, isPathWithin } from './policy/routes.js';
import type { DesiredRoute } from './types.js';
import { vacantHosts } from './vacant-hosts.js';

export interface HostOwners {
  /** In the order of the claimants. */
  readonly owned: readonly Owned[];
  /** Hosts that nobody answers for until their namespace comes back. */
  readonly vacant: readonly DesiredRoute[];
  /** Keys of the claims that older ones refuse. */
  readonly refused: readonly string[];
}

export interface Owned {
  readonly kept: readonly DesiredRoute[];
  readonly lost: readonly string[];
}

/**
 * A host belongs to a namespace, with all its paths. The oldest claim wins; what overlaps with it
 * from another namespace is refused, unless HAProxy never asks it for those hosts or their owner
 * grants it. Claim by claim: one pattern is compared with all hosts.
 */
export function* settleHosts(
  claimants: readonly Claimant[],
  record: ClaimRecord,
  context: RouteContext,
): Sliced<HostOwners> {
  if (!isContested(claimants, record)) {
    const owned = claimants.map(({ routes }) => ({ kept: routes, lost: [] }));
    return { owned, vacant: [], refused: [] };
  }
  const guests = claimants.map(({ id, routes }) => guestRoutes(context, id.namespace, routes, id));
  const own = claimants.map((claimant, at) => ({
    ...claimant,
    routes: claimant.routes.filter((route) => guests[at]?.has(route) !== true),
  }));
  const index = hostIndex();
  const refused = new Map<string, HostClaim>();
  const absent: HostClaim[] = [];
  for (const claim of hostClaims(own, record, context.settings)) {
    yield;
    if (claim.routes.length === 0 && !mayReturn(claim, context)) continue;
    const owner = conflictOf(claim, index);
    if (owner === undefined) index.add(claim);
    else if (claim.routes.length > 0) refused.set(claim.key, owner);
    if (owner === undefined && claim.routes.length === 0) absent.push(claim);
  }
  const owned = claimants.map(({ id, routes }, at) => {
    const ownerOf = (route: DesiredRoute): HostClaim | undefined => {
      const grantors = guests[at]?.get(route);
      if (grantors !== undefined) return foreignHost(id.namespace, route, grantors, index);
      return isTenant(id) ? refused.get(hostKey(id.namespace, route)) : undefined;
    };
    const judged = routes.map((route) => ({ route, owner: ownerOf(route) }));
    return {
      kept: judged.flatMap(({ route, owner }) => (owner === undefined ? [route] : [])),
      lost: judged.flatMap(({ route, owner }) =>
        owner === undefined ? [] : [lossOf(route, owner)],
      ),
    };
  });
  const vacant = yield* vacantHosts(absent, index, context.settings);
  return { owned, vacant, refused: [...refused.keys()] };
}

/** What its namespace left: only while it may still have it. */
function mayReturn(claim: HostClaim, { policy }: RouteContext): boolean {
  if (policy.mode === 'open') return true;
  const domains = namespacePolicy(policy, claim.namespace)?.domains ?? [];
  return domains.some((one) => isWithin(claim, one));
}

function guestRoutes(
  context: RouteContext,
  namespace: string,
  routes: readonly DesiredRoute[],
  id: Claimant['id'],
): ReadonlyMap<DesiredRoute, readonly Grantor[]> {
  if (!isTenant(id)) return new Map();
  return new Map(
    routes
      .map((route) => [route, grantsFor(context, namespace, route)] as const)
      .filter(([, grantors]) => grantors.length > 0),
  );
}

/** The owner of a granted route's host, if it isn't who granted it. */
function foreignHost(
  namespace: string,
  route: DesiredRoute,
  grantors: readonly Grantor[],
  index: HostIndex,
): HostClaim | undefined {
  if (grantors.includes('operator')) return undefined;
  const may = new Set(grantors.flatMap((one) => (one === 'operator' ? [] : [one.namespace])));
  const { match, host, frontends } = route;
  const asked = {
    namespace,
    match,
    host,
    key: '',
    since: 0,
    jobAge: 0,
    routes: [route],
    frontends,
  };
  return index
    .near({ ...asked, whole: [], wholeByRule: [], isRuled: false })
    .find((one) => one.namespace !== namespace && !may.has(one.namespace) && overlaps(one, route));
}

function overlaps(claim: HostClaim, route: DesiredRoute): boolean {
  return claim.match !== 'any' && overlap(claim, route);
}

/** The older claim of another namespace that refuses this one. */
function conflictOf(claim: HostClaim, index: HostIndex): HostClaim | undefined {
  return index.near(claim).find((older) => {
    if (older.namespace === claim.namespace) return false;
    if (older.match === 'any') return conflictsWithAny(claim, older);
    if (isNewUnder(older, claim)) return true;
    if (claim.match === 'any') return claim.path !== undefined && !isSpared(older, claim);
    const isSafe =
      isAskedBefore(older, claim) && isSpared(older, claim) && !hidesNames(older, claim, index);
    return overlap(claim, older) && !isSafe;
  });
}

/** Whether a rule that stands in for an absent pattern would come before names in the maps. */
function hidesNames(older: HostClaim, claim: HostClaim, index: HostIndex): boolean {
  if (older.routes.length > 0 || older.match === 'exact' || !claim.isRuled) return false;
  return index
    .near(older)
    .some(
      (one) =>
        one.routes.length > 0 && !one.isRuled && isAskedBefore(one, older) && overlap(one, older),
    );
}

/** Without a host: a path that hides part of an older one, or a frontend that is taken as a whole. */
function conflictsWithAny(claim: HostClaim, older: HostClaim): boolean {
  const shared = claim.frontends.some((name) => older.frontends.includes(name));
  if (!shared) return false;
  if (older.path === undefined) return claim.path === undefined;
  return claim.match === 'any' && isPathWithin(claim.path, older.path);
}

/** For people: `domain x.io/login belongs to team-a`. */
function lossOf(route: DesiredRoute, owner: HostClaim): string {
  const what = describeRoute(route);
  const [theirRoute] = owner.routes;
  const who = theirRoute === undefined ? `namespace ${owner.namespace}` : nameOf(theirRoute);
  if (owner.match === route.match && owner.host === route.host) return `${what} belongs to ${who}`;
  const { path: _, ...rest } = route;
  const theirs = describeRoute({ ...rest, ...setOf(owner) });
  return `${what} overlaps with ${theirs}, which belongs to ${who}`;
}

function setOf({ match, host, path, frontends }: HostClaim) {
  return { match, host, frontends, ...(path === undefined ? {} : { path }) };
}

function nameOf({ service }: DesiredRoute): string {
  return service.startsWith('file:') ? `the route file ${service.slice(5)}` : service;
}
