import { interned } from '../shared/intern.js';
import { type Json, type JsonObject, sortedKeys } from '../shared/json.js';

/**
 * Not part of a section's content: its name, its child objects, and what the Data Plane API adds.
 */
const beside = new Set(['name', 'servers', 'metadata', 'from', 'id']);
const besideInside = new Set(['metadata']);

const sections = interned<JsonObject>();
const values = interned<Json>();

/**
 * Canonical form of a backend's section, in which what was sent equals what is read back: absent,
 * null and empty values are dropped and keys sorted. Rules keep their order. Equal sections are one
 * object, since most backends of a fleet have the same.
 */
export function canonicalSection(section: JsonObject): JsonObject {
  const text = textOfObject(section, beside);
  return sections(text, () => withSharedValues(JSON.parse(text) as JsonObject));
}

/** Sections that differ have most of their values in common. */
function withSharedValues(section: { [key: string]: Json | undefined }): JsonObject {
  for (const [key, value] of Object.entries(section)) {
    if (typeof value === 'object') section[key] = values(JSON.stringify(value), () => value);
  }
  return section;
}

function textOfObject(value: JsonObject, without: ReadonlySet<string>): string {
  let text = '';
  for (const key of sortedKeys(value)) {
    const inner = without.has(key) ? undefined : textOf(value[key]);
    if (inner !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${inner}`;
  }
  return `{${text}}`;
}

function textOf(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) {
    return value.length === 0 ? undefined : `[${value.map((item) => textOf(item) ?? '{}').join()}]`;
  }
  const text = textOfObject(value, besideInside);
  return text === '{}' ? undefined : text;
}

function isList(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}
