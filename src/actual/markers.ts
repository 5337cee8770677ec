import { readNomadIndex, readTerm } from '../haproxy/marker-metadata.js';
import { connectorBackendName } from '../haproxy/names.js';
import { markerHash } from '../haproxy/ownership.js';
import { prefixOf, readStamp } from '../haproxy/scope.js';
import { slotBase } from '../haproxy/slots.js';
import { isObject, type Json, type JsonObject, textAt } from '../shared/json.js';
import type { ActualBackend, Marker, Neighbour } from './types.js';

export interface FoundMarker {
  readonly prefix: string;
  readonly marker: Pick<Marker, 'onDisk' | 'nomadIndex' | 'term' | 'stamp'>;
}

/** The markers of all connectors, ours with them. */
export function markersIn(sections: readonly JsonObject[]): readonly FoundMarker[] {
  const suffix = connectorBackendName('');
  return sections.flatMap((section): FoundMarker[] => {
    const name = textAt(section, 'name');
    if (!name.endsWith(suffix)) return [];
    const prefix = name.slice(0, -suffix.length);
    const servers = isObject(section['servers']) ? Object.entries(section['servers']) : [];
    const found = servers.find(([server]) => markerHash(prefix, server) !== undefined);
    if (found === undefined) return [];
    const [onDisk, server] = found;
    return [
      { prefix, marker: markerOf(onDisk, isObject(server) ? server['metadata'] : undefined) },
    ];
  });
}

function markerOf(onDisk: string, metadata: Json | undefined): FoundMarker['marker'] {
  const stamp = readStamp(metadata);
  const nomadIndex = readNomadIndex(metadata);
  const term = readTerm(metadata);
  return {
    onDisk,
    ...(stamp === undefined ? {} : { stamp }),
    ...(nomadIndex === undefined ? {} : { nomadIndex }),
    ...(term === undefined ? {} : { term }),
  };
}

/** The connectors of other prefixes. */
export function neighboursOf(
  markers: readonly FoundMarker[],
  backends: readonly ActualBackend[],
  own: string,
): readonly Neighbour[] {
  const prefixes = new Set(
    backends.flatMap(({ name, foreign = [], foreignService }) => [
      ...(foreignService === undefined ? [] : [prefixOf(foreignService, name)]),
      ...foreign.map((slot) => prefixOf(slot.service, slotBase(slot.name))),
    ]),
  );
  return markers
    .filter(({ prefix }) => prefix !== own)
    .map(({ prefix, marker: { stamp } }) => ({
      prefix,
      ...(stamp === undefined ? {} : { stamp }),
      serves: prefixes.has(prefix),
    }));
}
