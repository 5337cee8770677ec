/** Several HAProxies compared by what they should serve. Pure. */

import { createHash } from 'node:crypto';

import type { DesiredState } from '../desired/types.js';
import { memoOf } from '../shared/memo.js';
import type { Picture } from './picture.js';

/** Names of the HAProxies whose last pass wanted the hosts and servers of the newest catalog. */
export function upToDate(pictures: readonly Picture[]): readonly string[] {
  const newest = newestOf(pictures);
  if (newest === undefined) return [];
  const wanted = digestOf(newest);
  return pictures.filter((one) => digestOf(one) === wanted).map(({ target }) => target);
}

/** Of the pass that ended last among those with the newest catalog. */
function newestOf(pictures: readonly Picture[]): Picture | undefined {
  return [...pictures].sort(
    (a, b) => b.catalog.index - a.catalog.index || b.times.endedAt - a.times.endedAt,
  )[0];
}

const digests = memoOf<string>();

function digestOf({ desired }: Picture): string {
  return digests(desired, () => routingDigest(desired));
}

/**
 * SHA-256 of what is routed: hosts and paths with their backends, and the servers behind them.
 * Markers aren't in it: they hold paths and versions that differ between HAProxies.
 */
export function routingDigest({ backends, routes }: Pick<DesiredState, 'backends' | 'routes'>) {
  const hosts = routes.map(({ match, host, path, mode, backend }) => [
    ...[match, host, path ?? '', mode, backend],
  ]);
  const servers = backends.map(({ name, slotPrefix, endpoints }) => [
    ...[name, slotPrefix],
    endpoints
      .filter(({ phase }) => phase !== 'drain')
      .map(({ address, port, weight }) => [address, port, weight]),
  ]);
  return createHash('sha256')
    .update(JSON.stringify([hosts, servers]))
    .digest('hex');
}
