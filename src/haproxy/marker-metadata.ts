import { isObject, type Json, type JsonObject } from '../shared/json.js';
import { markKey } from './ownership.js';

/**
 * What the generation marker's server says beside its name: Nomad's index when HAProxy was last
 * written, so that a new process notices a Nomad that is behind it. Every Data Plane API keeps the
 * metadata of servers, and it is no part of the structural hash.
 */
const indexKey = 'nomad';

export function withNomadIndex(metadata: JsonObject, index: number | undefined): JsonObject {
  if (index === undefined) return metadata;
  const mark = metadata[markKey];
  return { ...metadata, [markKey]: { ...(isObject(mark) ? mark : {}), [indexKey]: index } };
}

/** The term of the leader that wrote the marker, see src/leader. */
const termKey = 'term';

export function withTerm(metadata: JsonObject, term: number | undefined): JsonObject {
  if (term === undefined) return metadata;
  const mark = metadata[markKey];
  return { ...metadata, [markKey]: { ...(isObject(mark) ? mark : {}), [termKey]: term } };
}

export function readTerm(metadata: Json | undefined): number | undefined {
  return numberAt(metadata, termKey);
}

export function readNomadIndex(metadata: Json | undefined): number | undefined {
  return numberAt(metadata, indexKey);
}

function numberAt(metadata: Json | undefined, key: string): number | undefined {
  const mark = isObject(metadata) ? metadata[markKey] : undefined;
  const value = isObject(mark) ? mark[key] : undefined;
  return typeof value === 'number' ? value : undefined;
}
