import type { Settings } from '../config/types.js';
import { connectorBackendName } from '../haproxy/names.js';
import type { Sliced } from '../shared/slices.js';
import { routeKey } from './domains.js';
import { type HostClaim, isSpared } from './host-claims.js';
import type { HostIndex } from './host-index.js';
import { isAskedBefore, overlap } from './host-sets.js';
import type { DesiredRoute } from './types.js';

/**
 * Routes for hosts that nobody serves at the moment and that their namespace may come back to, where
 * a younger pattern of another namespace would answer for them. They lead to the connector's own
 * backend, which has no server that runs. Regular expressions get none: they would count against the
 * limits of others. In a mode in which the host had no route, none is needed.
 */
export function* vacantHosts(
  absent: readonly HostClaim[],
  index: HostIndex,
  settings: Settings,
): Sliced<readonly DesiredRoute[]> {
  const backend = connectorBackendName(settings.ownership.prefix);
  const found = new Map<string, DesiredRoute>();
  for (const claim of absent) {
    yield;
    const { match, host } = claim;
    if (match === 'regex' || !plainHost.test(host)) continue;
    const near = index.near(claim);
    const routes = near
      .filter((other) => answersFor(claim, other) && !isHidden(claim, other, near))
      .flatMap((other) => other.routes)
      .filter(({ mode }) => claim.former?.modes.includes(mode));
    // With the same frontends, HAProxy has both in its maps or both in its rules.
    for (const { mode, frontends, service } of routes) {
      const route = { match, host, mode, frontends, backend, service };
      found.set(`${routeKey(route)} ${frontends.join()}`, route);
    }
  }
  return [...found.values()];
}

/** The record is a file. */
const plainHost = /^[a-z0-9][a-z0-9.-]*$/;

function answersFor(absent: HostClaim, { namespace, match, host, routes }: HostClaim): boolean {
  const set = { match, host };
  return (
    namespace !== absent.namespace &&
    routes.length > 0 &&
    isAskedBefore(absent, set) &&
    overlap(absent, set)
  );
}

/** Another claim of the same namespace, a wildcard for instance, answers for it first. */
function isHidden(absent: HostClaim, other: HostClaim, near: readonly HostClaim[]): boolean {
  return (
    absent.match === 'exact' &&
    near.some(
      (own) =>
        own.namespace === absent.namespace &&
        own.routes.length > 0 &&
        own.match !== 'any' &&
        overlap(absent, own) &&
        isAskedBefore(own, other) &&
        isSpared(own, other),
    )
  );
}
