import { factsOf } from '../../actual/normalise/facts.js';
import { byRoute, routeKey } from '../../desired/domains.js';
import { hostKey } from '../../desired/host-claims.js';
import { overlap } from '../../desired/host-sets.js';
import { regexCount, stepCount } from '../../desired/limits.js';
import { refusedRoute, grantsFor } from '../../desired/policy/routes.js';
import { refusedService, type Judged } from '../../desired/policy/service.js';
import { routeContext, serviceContext } from '../../desired/policy/context.js';
import type { DesiredRoute } from '../../desired/types.js';
import { connectorBackendName, idOfLabel } from '../../haproxy/names.js';
import { namespaceOf } from '../../haproxy/ownership.js';
import type { PlanInput } from './input.js';
import { skippedServices } from './skipped.js';
import { standingRoutes } from './standing-routes.js';

/**
 * The routes that HAProxy is to have: those that are desired and, unless `sync.policy` is `sync`,
 * those that are there. Where both match the same requests, `upsert-only` takes the desired one and
 * `create-only` the one that is there. `vacant` routes give way to both. `kept`: backends whose routes
 * stay for another reason.
 */
export function routesToHave(
  input: PlanInput,
  desired: readonly DesiredRoute[],
  vacant: readonly DesiredRoute[],
  kept: ReadonlySet<string>,
): readonly DesiredRoute[] {
  const { policy } = input.settings.sync;
  if (policy === 'sync') return vacant.length === 0 ? desired : [...desired, ...vacant];
  const held = heldRoutes(input, desired, kept);
  const routes =
    policy === 'create-only'
      ? [...held, ...besides(held, desired, input)]
      : [...desired, ...besides(desired, held, input)];
  return [...routes.sort(byRoute), ...besides(routes, vacant, input)];
}

/** What is left of the others beside the first, and of each beside those before it. */
function besides(
  first: readonly DesiredRoute[],
  others: readonly DesiredRoute[],
  { settings }: PlanInput,
): readonly DesiredRoute[] {
  const taken = new Map<string, ReadonlySet<string>>();
  const take = (route: DesiredRoute): void => {
    const names = taken.get(routeKey(route)) ?? [];
    taken.set(routeKey(route), new Set([...names, ...route.frontends]));
  };
  first.forEach(take);
  const common = settings.haproxy.frontends.length;
  return others.flatMap((route): DesiredRoute[] => {
    const names = taken.get(routeKey(route));
    take(route);
    const frontends = route.frontends.filter((name) => names?.has(name) !== true);
    if (frontends.length === route.frontends.length) return [route];
    // An entry of a map is for all frontends that read it.
    const isEntry = settings.routing.mode === 'map' && route.frontends.length === common;
    if (frontends.length === 0) return [];
    return [isEntry ? route : { ...route, frontends }];
  });
}

function heldRoutes(
  input: PlanInput,
  desired: readonly DesiredRoute[],
  kept: ReadonlySet<string>,
): readonly DesiredRoute[] {
  const { actual, settings } = input;
  const ownBackend = connectorBackendName(settings.ownership.prefix);
  const isRevoked = revocations(input);
  const isTaken = takenHosts(input, desired);
  const routes = standingRoutes(input).flatMap((route): DesiredRoute[] => {
    const backend = actual.backends[route.backend];
    // Without it, or in another mode, HAProxy would refuse a rule.
    if (backend?.mode !== route.mode || kept.has(route.backend)) return [];
    // Of a vacant host.
    if (route.backend === ownBackend) return [];
    const services = backend.ours
      ? [backend.service ?? '']
      : [...new Set(backend.slots.map(({ service }) => service))].sort();
    const owners = services.length > 0 ? services : [''];
    const service = owners.find((one) => {
      const owned = { ...route, service: one };
      return !isRevoked(one, route.backend, [owned]) && !isTaken(owned);
    });
    return service === undefined ? [] : [{ ...route, service }];
  });
  return withinExpressions(besides([], routes, input), desired, input);
}

/** Whether the policy no longer allows the service to be there. */
export type Revocations = (
  service: string,
  backend: string,
  routes: readonly DesiredRoute[],
) => boolean;

/**
 * What the policy takes from a service goes, whatever `sync.policy` says: it is judged as if it asked
 * for the same again. Of an operator's backend without our servers, whose routes lead there is not known.
 */
export function revocations({ actual, desired, settings }: PlanInput): Revocations {
  const facts = factsOf(actual, settings.ownership);
  const context = { settings, facts };
  const [ofRoutes, ofServices] = [routeContext(context), serviceContext(context)];
  const skipped = skippedServices(desired);
  return (service, backend, routes) => {
    if (skipped.get(service) === 'policy') return true;
    const id = idOfLabel(service);
    const kind = actual.backends[backend]?.ours === true ? 'dynamic' : 'custom';
    const judged: Judged = { id, backend: { kind, name: backend }, routes, tags: [], checks: [] };
    if (refusedService(ofServices, judged) !== undefined) return true;
    return routes.some((route) => refusedRoute(ofRoutes, id, route) !== undefined);
  };
}

/**
 * Whether a host has become another namespace's: a route that is held must not answer for it. While
 * the claim on it is recorded, it has not.
 */
function takenHosts(
  input: PlanInput,
  desired: readonly DesiredRoute[],
): (route: DesiredRoute) => boolean {
  const { claims = {} } = input.desired;
  const context = routeContext(input);
  const byHost = new Map<string, DesiredRoute[]>();
  const patterns: DesiredRoute[] = [];
  for (const route of desired) {
    if (route.match !== 'exact') patterns.push(route);
    else byHost.set(route.host, [...(byHost.get(route.host) ?? []), route]);
  }
  return (route) => {
    const namespace = namespaceOf(route.service);
    if (namespace === '' || claims[hostKey(namespace, route)] !== undefined) return false;
    const near =
      route.match === 'exact' ? [...(byHost.get(route.host) ?? []), ...patterns] : desired;
    const others = near.filter((one) => {
      const isOther = one.mode === route.mode && namespaceOf(one.service) !== namespace;
      return isOther && (one.match === 'any') === (route.match === 'any') && overlap(one, route);
    });
    if (others.length === 0) return false;
    const grantors = grantsFor(context, namespace, route);
    if (grantors.includes('operator')) return false;
    const may = new Set(grantors.flatMap((one) => (one === 'operator' ? [] : [one.namespace])));
    return others.some((one) => !may.has(namespaceOf(one.service)));
  };
}

/** Each regular expression costs every request: those that are held count, after all others. */
function withinExpressions(
  held: readonly DesiredRoute[],
  desired: readonly DesiredRoute[],
  { settings: { limits } }: PlanInput,
): readonly DesiredRoute[] {
  const keyOf = (route: DesiredRoute): string => `${routeKey(route)} ${route.backend}`;
  const wanted = new Set(desired.map(keyOf));
  let [count, steps] = [regexCount(desired), stepCount(desired)];
  return [...held].sort(byRoute).filter((route) => {
    if (wanted.has(keyOf(route)) || regexCount([route]) === 0) return true;
    const cost = stepCount([route]);
    if (count + 1 > limits.regexesTotal || steps + cost > limits.regexSteps) return false;
    [count, steps] = [count + 1, steps + cost];
    return true;
  });
}
