import { isObject, type Json, type JsonObject } from '../shared/json.js';
import { decodeUnseen, encodeUnseen } from '../shared/text.js';
import type { Binding } from './slots.js';

/**
 * How an object of ours is told from the operator's. The rule: the name has our prefix (backends) or
 * is the name of a slot (servers), and the metadata has our mark. Data Plane API before 3.2 keeps
 * metadata on servers only and drops it elsewhere without a word, so a backend is ours too when all
 * of its servers are marked and its name has the prefix.
 */
export const markKey = 'nomad-connector';

export interface Mark {
  /** `namespace/service`. */
  readonly service: string;
  readonly binding?: Binding;
  /** On a server in a backend of the operator's: it says nothing about the backend. */
  readonly shared?: true;
}

/** Of a mark's `namespace/service`; empty where the service isn't from Nomad. */
export function namespaceOf(service: string): string {
  return service.slice(0, Math.max(0, service.indexOf('/')));
}

/**
 * The metadata of an object of ours. It stands in a comment of haproxy.cfg, and Nomad takes anything for
 * the ID of a job and the name of a group, which is a part of an instance's.
 */
export function markOf(mark: Mark): JsonObject {
  const { service, binding, shared } = mark;
  const common = { service: encodeUnseen(service), ...(shared === true ? { shared } : {}) };
  if (binding === undefined) return { [markKey]: common };
  const { id, createIndex, job, drainingSince } = binding;
  const drain = drainingSince === undefined ? {} : { drain: drainingSince };
  const named = job === undefined ? {} : { job: encodeUnseen(job) };
  return { [markKey]: { ...common, id: encodeUnseen(id), index: createIndex, ...named, ...drain } };
}

/** Our mark in an object's metadata, or undefined where it isn't ours. */
export function readMark(metadata: Json | undefined): Mark | undefined {
  const mark = objectAt(metadata, markKey);
  const service = mark?.['service'];
  if (mark === undefined || typeof service !== 'string') return undefined;
  const binding = readBinding(mark);
  return {
    service: decodeUnseen(service),
    ...(binding === undefined ? {} : { binding }),
    ...(mark['shared'] === true ? { shared: true } : {}),
  };
}

function readBinding(mark: JsonObject): Binding | undefined {
  const { id, index, job, drain } = mark;
  if (typeof id !== 'string') return undefined;
  return {
    id: decodeUnseen(id),
    createIndex: typeof index === 'number' ? index : 0,
    ...(typeof job === 'string' ? { job: decodeUnseen(job) } : {}),
    ...(typeof drain === 'number' ? { drainingSince: drain } : {}),
  };
}

function objectAt(value: Json | undefined, key: string): JsonObject | undefined {
  if (!isObject(value)) return undefined;
  const inner = value[key];
  return isObject(inner) ? inner : undefined;
}

/** The marker server's name: which generation, and a hash of our structural configuration. */
export function markerServerName(prefix: string, generation: number, hash: string): string {
  return `${prefix}_g${generation}-${hash}`;
}

/** The hash in a marker server's name, or undefined where it is none. */
export function markerHash(prefix: string, serverName: string): string | undefined {
  if (!serverName.startsWith(`${prefix}_g`)) return undefined;
  return /^[0-9]+-([0-9a-f]{12})$/.exec(serverName.slice(prefix.length + 2))?.[1];
}
