/** Plain JSON data. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The objects in a list; empty for anything else. */
export function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? (value as Json[]).filter(isObject) : [];
}

/** The string at a key, or `''`. */
export function textAt(object: JsonObject, key: string): string {
  const value = object[key];
  return typeof value === 'string' ? value : '';
}

/** An object's own keys, sorted by code units. */
export function sortedKeys(object: object): string[] {
  return sortTexts(Object.keys(object));
}

/** A longer list is sorted by the engine. */
const fewKeys = 40;

/** Sorts the list itself, by code units. For a few texts, the engine's sort takes 1.5 kB of memory. */
export function sortTexts(keys: string[]): string[] {
  if (keys.length > fewKeys) return keys.sort();
  for (let at = 1; at < keys.length; at++) {
    const key = keys[at] as string;
    let to = at;
    for (; to > 0 && (keys[to - 1] as string) > key; to--) keys[to] = keys[to - 1] as string;
    keys[to] = key;
  }
  return keys;
}
