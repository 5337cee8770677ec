import { kindOfRoute, mapNames } from '../../haproxy/map-names.js';
import type { DesiredRoute } from '../../desired/types.js';
import { textAt } from '../../shared/json.js';
import type { PlanInput } from './input.js';
import { aclsOf, entryKey } from './routes.js';

/** Routes for hosts whose owner is away, but not for those of which HAProxy keeps a route. */
export function vacantRoutes(
  { actual, desired, settings }: PlanInput,
  kept: ReadonlySet<string>,
): readonly DesiredRoute[] {
  const { vacant = [] } = desired;
  if (kept.size === 0) return vacant;
  const names = mapNames(settings.routing);
  const keptWords = new Set(
    Object.values(actual.frontends).flatMap(({ name, rules }) =>
      rules
        .filter((rule) => kept.has(textAt(rule, 'name')))
        .flatMap((rule) => textAt(rule, 'cond_test').split(/\s+/))
        .map((word) => `${name} ${word}`),
    ),
  );
  const isInMap = (route: DesiredRoute): boolean => {
    const { entries = {}, stored = {} } = actual.maps[names[kindOfRoute(route)]] ?? {};
    const key = entryKey(route);
    return [entries, stored].some((one) => Object.hasOwn(one, key) && kept.has(one[key] ?? ''));
  };
  const isRuled = (route: DesiredRoute): boolean =>
    aclsOf(route, settings.ownership.prefix).some(({ acl_name: acl }) =>
      route.frontends.some((frontend) => keptWords.has(`${frontend} ${acl}`)),
    );
  return vacant.filter((route) => !isInMap(route) && !isRuled(route));
}
