import type { Json, JsonObject } from '../shared/json.js';

/**
 * Not part of a section's content: who it is, what stands beside it, and what the Data Plane API
 * adds by itself.
 */
const beside = new Set(['name', 'servers', 'metadata', 'from', 'id']);

/**
 * A backend's section so that what was sent and what is read back are equal by value: nothing
 * absent, null or empty is kept, and keys are sorted. The order of rules is theirs.
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
