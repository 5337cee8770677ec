import { compareText } from '../shared/compare.js';
import { describeRoute, routeKey } from './domains.js';
import type { ServiceId } from '../haproxy/names.js';
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

/**
 * Decides which service gets a route that several claim. Files beat Nomad, then the older job wins,
 * then the name. A deploy changes none of these, so a domain never flips. Results are in the order
 * of the claims.
 */
export function settleClaims(claims: readonly Claim[]): readonly ClaimResult[] {
  const owners = new Map<string, ServiceId>();
  const results = new Map<Claim, ClaimResult>();
  for (const claim of [...claims].sort(byAge)) results.set(claim, settle(claim, owners));
  return claims.map((claim) => results.get(claim) ?? { kept: [], lost: [] });
}

function settle({ service, routes }: Claim, owners: Map<string, ServiceId>): ClaimResult {
  const kept: DesiredRoute[] = [];
  const lost: string[] = [];
  for (const route of routes) {
    const keys = route.frontends.map((frontend) => `${frontend} ${routeKey(route)}`);
    const owner = keys.map((key) => owners.get(key)).find((known) => known !== undefined);
    if (owner === undefined) {
      for (const key of keys) owners.set(key, service);
      kept.push(route);
    } else {
      lost.push(`${describeRoute(route)} belongs to ${nameFor(owner, service)}`);
    }
  }
  return { kept, lost };
}

/** Oldest first. */
export function byAge(a: Claim, b: Claim): number {
  return (
    rank(a.service) - rank(b.service) ||
    a.claimedAt - b.claimedAt ||
    compareText(a.service.namespace, b.service.namespace) ||
    compareText(a.service.name, b.service.name)
  );
}

function rank({ source }: ServiceId): number {
  return source === 'file' ? 0 : 1;
}

function nameFor(owner: ServiceId, reader: ServiceId): string {
  if (owner.source === 'file') return `the route file ${owner.name}`;
  if (owner.namespace === reader.namespace) return owner.name;
  return `${owner.namespace}/${owner.name}`;
}
