import { nearestFew } from '../shared/nearest.js';
import { requestOf, routeText } from './query.js';
import type { Seen } from './types.js';

const most = 3;

/** Names of hosts, of these services and of backends that are like this one, the nearest first. */
export function nearestOf(
  name: string,
  { picture: { desired } }: Seen,
  services: readonly string[],
): readonly string[] {
  const hosts = desired.routes
    .filter(({ match }) => match === 'exact' || match === 'wildcard')
    .map(({ match, host }) => routeText({ match, host }));
  const names = new Set([
    ...hosts,
    // A namespace is only compared with a namespace.
    ...(name.includes('/') ? services : services.map((one) => one.slice(one.indexOf('/') + 1))),
    ...desired.backends.map((one) => one.name),
  ]);
  return nearestFew(requestOf(name)?.host ?? name, names, most);
}
