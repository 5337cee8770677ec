import type { Settings } from '../config/types.js';
import { connectorBackendName } from '../haproxy/names.js';
import { contains, stampOf } from '../haproxy/scope.js';
import { ConnectorError } from '../shared/errors.js';
import type { ActualState } from './types.js';

/**
 * Refuses to touch what another connector keeps (ADR 0016): of another scope under our prefix, or of
 * another prefix with our maps. `mayReplace`: an operator runs this one once and allows removals.
 */
export function requireNoOther(
  { marker, neighbours = [] }: Pick<ActualState, 'marker' | 'neighbours'>,
  settings: Settings,
  mayReplace: boolean,
): void {
  const own = stampOf(settings);
  const { prefix } = settings.ownership;
  const before = marker.stamp?.scope;
  if (before !== undefined && !contains(own.scope, before) && !mayReplace) {
    throw refusal(
      `backend ${connectorBackendName(prefix)} belongs to a connector of scope ${before} ` +
        `(region/namespace/tags.prefix), and the scope of this one is ${own.scope}: nothing is ` +
        'changed. If both are to run, give this one its own ownership.prefix and ' +
        'routing.map_name. If this one replaces the other, stop that one and run this one with ' +
        '--once --allow-removals first',
    );
  }
  const rival = neighbours.find(
    ({ serves, stamp }) => serves && stamp?.maps.some((name) => own.maps.includes(name)) === true,
  );
  if (rival === undefined) return;
  throw refusal(
    `the connector with ownership.prefix "${rival.prefix}" has the maps of this one ` +
      `(${rival.stamp?.maps.join(', ')}): nothing is changed. Give this one its own routing.map_name` +
      (settings.routing.mapFile === undefined ? '' : ' and domain_map.file_path'),
  );
}

function refusal(message: string): ConnectorError {
  return new ConnectorError('other-connector', message, { retryable: false });
}
