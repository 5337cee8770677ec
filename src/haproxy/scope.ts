import type { Settings } from '../config/types.js';
import { isObject, type Json, type JsonObject } from '../shared/json.js';
import { backendName, type ServiceId } from './names.js';
import { markKey, namespaceOf } from './ownership.js';
import { mapNames } from './map-names.js';

/**
 * Which connector wrote the marker, and which maps are its own (ADR 0016). It stands in the metadata of
 * the marker's server, the one place that every version of the Data Plane API keeps.
 */
export interface Stamp {
  /** `region/namespaces/tags.prefix`; several namespaces are in order, separated by commas. */
  readonly scope: string;
  /** Names of maps, or what their names begin with. */
  readonly maps: readonly string[];
}

export function stampOf({ nomad, ownership, tags, routing }: Settings): Stamp {
  const { exact } = mapNames(routing);
  return {
    // Nomad's name for the region of an agent that sets none.
    scope: [ownership.scope ?? nomad.region ?? 'global', nomad.namespace, tags.prefix].join('/'),
    maps: routing.mapFile === undefined ? [routing.mapName] : [routing.mapName, exact],
  };
}

/** Metadata with the stamp; all else that is in it stays. */
export function withStamp(metadata: JsonObject, { scope, maps }: Stamp): JsonObject {
  const mark = isObject(metadata[markKey]) ? metadata[markKey] : {};
  return { ...metadata, [markKey]: { ...mark, scope, maps: maps.join(' ') } };
}

/** Undefined where an earlier version wrote the marker. */
export function readStamp(metadata: Json | undefined): Stamp | undefined {
  const mark = isObject(metadata) ? metadata[markKey] : undefined;
  if (!isObject(mark)) return undefined;
  const { scope, maps } = mark;
  if (typeof scope !== 'string') return undefined;
  return { scope, maps: typeof maps === 'string' ? maps.split(' ') : [] };
}

export function isSameStamp(one: Stamp | undefined, other: Stamp): boolean {
  return one?.scope === other.scope && one.maps.join(' ') === other.maps.join(' ');
}

/**
 * Whether one scope holds all that another does, so it may take over from it by itself. The other way
 * round it may not: of two that run, only one ever takes over.
 */
export function contains(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  const [cluster, namespaces = '', tags] = wide.split('/');
  const [otherCluster, otherNamespaces = '', otherTags] = narrow.split('/');
  if (cluster !== otherCluster || tags !== otherTags) return false;
  const names = namespaces.split(',');
  return names[0] === '*' || otherNamespaces.split(',').every((name) => names.includes(name));
}

/** Whether the settings are about this service's namespace. Route files are in none. */
export function covers({ nomad }: Pick<Settings, 'nomad'>, service: string): boolean {
  if (service.startsWith('file:') || nomad.namespace === '*') return true;
  return nomad.namespace.split(',').includes(namespaceOf(service));
}

/**
 * The prefix of the connector that gives this service this backend, or server without its number. How
 * the name begins would not tell: prefixes may begin with one another.
 */
export function prefixOf(service: string, name: string): string | undefined {
  const id = serviceIdOf(service);
  const rest = id === undefined ? undefined : backendName('', id);
  return rest !== undefined && name.endsWith(rest) ? name.slice(0, -rest.length) : undefined;
}

/** The reverse of `serviceLabel`. */
function serviceIdOf(label: string): ServiceId | undefined {
  if (label.startsWith('file:')) return { source: 'file', namespace: '', name: label.slice(5) };
  const at = label.indexOf('/');
  if (at <= 0) return undefined;
  return { source: 'nomad', namespace: label.slice(0, at), name: label.slice(at + 1) };
}
