import { nearestFew } from '../shared/nearest.js';
import { allServices } from './names.js';
import { requestOf, routeText } from './query.js';
import type { Seen } from './types.js';

const most = 3;

/** Names of hosts, services and backends that are like this one, the nearest first. */
export function nearestOf(name: string, seen: Seen): readonly string[] {
  const { desired } = seen.picture;
  const services = allServices(seen);
  const hosts = desired.routes
    .filter(({ match }) => match === 'exact' || match === 'wildcard')
    .map(({ match, host }) => routeText({ match, host }));
  const names = new Set([
    ...hosts,
    ...services.map((one) => one.slice(one.indexOf('/') + 1)),
    ...services,
    ...desired.backends.map((one) => one.name),
  ]);
  return nearestFew(requestOf(name)?.host ?? name, [...names], most);
}
