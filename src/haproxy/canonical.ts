import type { Json, JsonObject } from '../shared/json.js';

/**
 * Not part of a section's content: its name, its child objects, and what the Data Plane API adds.
 */
const beside = new Set(['name', 'servers', 'metadata', 'from', 'id']);

/**
 * Canonical form of a backend's section, in which what was sent equals what is read back: absent,
 * null and empty values are dropped and keys sorted. Rules keep their order.
 */
export function canonicalSection(section: JsonObject): JsonObject {
  const content = Object.entries(section).filter(([key]) => !beside.has(key));
  return canonicalObject(Object.fromEntries(content));
}

function canonicalObject(value: JsonObject): JsonObject {
  const entries: [string, Json][] = [];
  for (const key of Object.keys(value).sort()) {
    const canonical = canonicalValue(value[key]);
    if (canonical !== undefined) entries.push([key, canonical]);
  }
  return Object.fromEntries(entries);
}

function canonicalValue(value: Json | undefined): Json | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object') return value;
  if (isList(value)) {
    const items = value.map((item) => canonicalValue(item) ?? {});
    return items.length === 0 ? undefined : items;
  }
  const object = canonicalObject({ ...value, metadata: undefined });
  return Object.keys(object).length === 0 ? undefined : object;
}

function isList(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}
