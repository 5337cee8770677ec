import type { Grant, NamespacePolicy, PolicySettings } from '../../config/policy.js';
import type { ServiceId } from '../../haproxy/names.js';
import { memoOf } from '../../shared/memo.js';
import { describeRoute } from '../domains.js';
import { isWithin, listedSet, overlap } from '../host-sets.js';
import type { DesiredRoute } from '../types.js';
import { isTenant, namespacePolicy, type RouteContext } from './context.js';

/** Why a route is refused whoever else wants its host, if so. */
export function refusedRoute(
  context: RouteContext,
  id: ServiceId,
  route: DesiredRoute,
): string | undefined {
  if (!isTenant(id)) return undefined;
  return (
    reserved(context, route) ??
    operators(context, route) ??
    (context.policy.mode === 'strict' ? unlisted(context, id, route) : undefined)
  );
}

/** A route without a host counts as one for all hosts, unless it takes a whole tcp frontend. */
function hasHosts({ match, path }: DesiredRoute): boolean {
  return match !== 'any' || path !== undefined;
}

function reserved({ policy }: RouteContext, route: DesiredRoute): string | undefined {
  if (!hasHosts(route)) return undefined;
  const listed = policy.reservedDomains.find((one) => overlap(route, listedSet(one)));
  return listed === undefined
    ? undefined
    : `${describeRoute(route)}: policy.reserved_domains lists ${listed}`;
}

/** A pattern may not take what the operator's own rules route by name. */
function operators({ facts, settings }: RouteContext, route: DesiredRoute): string | undefined {
  if (settings.routing.position === 'after' || route.match === 'exact' || !hasHosts(route)) {
    return undefined;
  }
  const named = facts.operatorHosts.find(
    (one) => route.frontends.includes(one.frontend) && overlap(route, one),
  );
  if (named === undefined) return undefined;
  return `${describeRoute(route)} would take ${shown(named)} from a rule of frontend ${named.frontend}; list the hosts one by one, or set routing.position to after`;
}

/** The route's exact host that a rule of the operator's names too. */
export function takenFromOperator(
  { facts, settings, policy }: RouteContext,
  id: ServiceId,
  route: DesiredRoute,
): string | undefined {
  if (!isTenant(id) || settings.routing.position === 'after' || route.match !== 'exact') {
    return undefined;
  }
  if (policy.mode === 'strict') return undefined;
  const named = facts.operatorHosts.find(
    (one) =>
      route.frontends.includes(one.frontend) && one.match === 'exact' && one.host === route.host,
  );
  if (named === undefined) return undefined;
  return `${describeRoute(route)} is also routed by a rule of frontend ${named.frontend}, which it precedes; policy.reserved_domains keeps it`;
}

function shown({ match, host }: { readonly match: string; readonly host: string }): string {
  return match === 'wildcard' ? `*.${host}` : host;
}

function unlisted(
  context: RouteContext,
  { namespace }: ServiceId,
  route: DesiredRoute,
): string | undefined {
  const { policy } = context;
  if (route.match === 'any') return undefined;
  const domains = namespacePolicy(policy, namespace)?.domains ?? [];
  if (domains.some((one) => isWithin(route, one))) return undefined;
  if (grantsFor(context, namespace, route).length > 0) return undefined;
  return `${describeRoute(route)}: policy.namespaces.${namespace}.domains does not list it`;
}

/** Whose grant it is: a namespace, or the operator's, which holds for any host. */
export type Grantor = { readonly namespace: string } | 'operator';

/** The grants of others that a route may use. */
export function grantsFor(
  { policy }: RouteContext,
  namespace: string,
  route: DesiredRoute,
): readonly Grantor[] {
  if (policy.grants.length === 0 && grantors(policy).length === 0) return [];
  const fits = (grant: Grant): boolean => grant.to === namespace && covers(grant, route);
  const operator: readonly Grantor[] = policy.grants.some(fits) ? ['operator'] : [];
  const owners = grantors(policy)
    .filter(([name, own]) => name !== namespace && own.grants.some(fits))
    .filter(([, own]) => policy.mode === 'open' || own.domains.some((one) => isWithin(route, one)))
    .map(([name]) => ({ namespace: name }));
  return [...operator, ...owners];
}

const knownGrantors = memoOf<readonly (readonly [string, NamespacePolicy])[]>();

function grantors(policy: PolicySettings) {
  return knownGrantors(policy, () =>
    Object.entries(policy.namespaces).filter(([, { grants }]) => grants.length > 0),
  );
}

function covers({ host, path }: Grant, route: DesiredRoute): boolean {
  if (route.match === 'any' || !isWithin(route, host)) return false;
  return path === undefined || isPathWithin(route.path, path);
}

export function isPathWithin(path: string | undefined, above: string): boolean {
  return path !== undefined && (path === above || path.startsWith(`${above}/`));
}
