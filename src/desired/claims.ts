import { compareText } from '../shared/compare.js';
import { type ClaimRecord, keyPart } from '../haproxy/claims-record.js';
import { describeRoute, routeKey } from './domains.js';
import { type ServiceId, serviceLabel } from '../haproxy/names.js';
import type { DesiredRoute } from './types.js';

export interface Claim {
  readonly service: ServiceId;
  readonly claimedAt: number;
  readonly routes: readonly DesiredRoute[];
}

export interface ClaimResult {
  readonly kept: readonly DesiredRoute[];
  /** One line for people per lost route: `domain x.io belongs to web`. */
  readonly lost: readonly string[];
}

/** A claim and when it was first recorded, Unix seconds. */
export interface Aged {
  readonly claim: Claim;
  readonly since: number;
}

interface Candidate extends Aged {
  readonly route: DesiredRoute;
}

/**
 * Decides which service gets a route that several claim. Files beat Nomad, then the oldest claim
 * wins; of claims that are new together, that of the older job, then the name. A deploy changes none
 * of these, so a domain never flips. Results are in the order of the claims.
 */
export function settleClaims(
  claims: readonly Claim[],
  record: ClaimRecord = {},
): readonly ClaimResult[] {
  const contested = contestedRoutes(claims);
  if (contested.size === 0) return claims.map(({ routes }) => ({ kept: routes, lost: [] }));
  const candidates = claims.flatMap((claim) =>
    claim.routes
      .filter((route) => contested.has(routeKey(route)))
      .map((route): Candidate => {
        const since = record[claimKey(claim.service, route)]?.since ?? Number.MAX_SAFE_INTEGER;
        return { claim, route, since };
      }),
  );
  const owners = new Map<string, ServiceId>();
  const losses = new Map<DesiredRoute, string>();
  for (const { claim, route } of candidates.sort(byAge)) {
    const keys = route.frontends.map((frontend) => `${frontend} ${routeKey(route)}`);
    const owner = keys.map((key) => owners.get(key)).find((known) => known !== undefined);
    if (owner === undefined) for (const key of keys) owners.set(key, claim.service);
    else losses.set(route, `${describeRoute(route)} belongs to ${nameFor(owner, claim.service)}`);
  }
  return claims.map(({ routes }) => ({
    kept: routes.filter((route) => !losses.has(route)),
    lost: routes.flatMap((route) => losses.get(route) ?? []),
  }));
}

/** Keys of the routes that several claim, in whatever frontend. */
function contestedRoutes(claims: readonly Claim[]): ReadonlySet<string> {
  const known = new Set<string>();
  const contested = new Set<string>();
  for (const { routes } of claims) {
    for (const route of routes) {
      const key = routeKey(route);
      if (known.has(key)) contested.add(key);
      else known.add(key);
    }
  }
  return contested;
}

/** `route|team-a%2Fweb|http|exact|x.io|/api`: in the record, a key holds no blank. */
export function claimKey(service: ServiceId, route: DesiredRoute): string {
  const frontends = route.match === 'any' && route.path === undefined ? route.frontends.join() : '';
  const parts = routeKey(route).replaceAll(' ', '|');
  return `route|${keyPart(serviceLabel(service))}|${parts}|${frontends}`;
}

/** Oldest first. */
export function byAge(a: Aged, b: Aged): number {
  const [one, two] = [a.claim, b.claim];
  return (
    rank(one.service) - rank(two.service) ||
    a.since - b.since ||
    one.claimedAt - two.claimedAt ||
    compareText(one.service.namespace, two.service.namespace) ||
    compareText(one.service.name, two.service.name)
  );
}

function rank({ source }: ServiceId): number {
  return source === 'file' ? 0 : 1;
}

/** As somebody of the reader's namespace calls it. */
export function nameFor(owner: ServiceId, reader: Pick<ServiceId, 'namespace'>): string {
  if (owner.source === 'file') return `the route file ${owner.name}`;
  if (owner.namespace === reader.namespace) return owner.name;
  return `${owner.namespace}/${owner.name}`;
}
