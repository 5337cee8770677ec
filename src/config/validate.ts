import type { ErrorObject } from 'ajv';
import type { Json, JsonObject } from '../shared/json.js';
import { nearest } from '../shared/nearest.js';
import { hasCredentials } from './formats.js';
import { checkConfig } from './schema.ajv.js';
import { leaves, sections, type ConfigKey } from './schema.js';

export interface Problem {
  /** Absent if the key itself is unknown. */
  readonly key?: ConfigKey;
  /** Without the source's name: `nomad.address: "foo" is not allowed; expected ...`. */
  readonly message: string;
}

/** Validates a configuration structured like the file. Returns one problem per key. */
export function validate(config: Json, label: (key: string) => string): readonly Problem[] {
  if (checkConfig(config)) return [];
  const problems = new Map<string, Problem>();
  for (const error of checkConfig.errors ?? []) {
    const problem = describe(error, label);
    if (!problems.has(problem.at)) problems.set(problem.at, problem);
  }
  return [...problems.values()];
}

/** The message for an invalid value. Secrets are not shown. */
export function notAllowed(name: string, key: ConfigKey, value: unknown): string {
  const leaf = leaves.get(key)!;
  const bare =
    typeof value === 'string' && hasCredentials(value)
      ? `${leaf.expected} without a user name and password in it`
      : leaf.expected;
  const shown = leaf.secret === true ? 'the value (not shown)' : show(value);
  return `${name}: ${shown} is not allowed; expected ${bare}`;
}

function describe(error: ErrorObject, label: (key: string) => string): Problem & { at: string } {
  const path = error.instancePath.split('/').slice(1);
  const [section, name] = path;
  if (error.keyword === 'additionalProperties') return unknownKey(error, path, label);
  const at = path.slice(0, 2).join('.');
  if (section === undefined) {
    return { at, message: `${label('')}expected keys such as nomad and haproxy` };
  }
  const key = at as ConfigKey;
  if (name === undefined || !leaves.has(key)) {
    return { at, message: `${label(at)}: expected ${expectedKeys(section)}` };
  }
  return { at, key, message: notAllowed(label(at), key, error.data) };
}

function unknownKey(
  error: ErrorObject,
  path: readonly string[],
  label: (key: string) => string,
): Problem & { at: string } {
  const { additionalProperty } = error.params as { additionalProperty: string };
  const at = [...path, additionalProperty].join('.');
  const near = nearestKey(path[0], additionalProperty);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return { at, message: `${label(at)} is not a known key${hint}` };
}

/** Looks in the same section first, then for the same name in other sections. */
function nearestKey(section: string | undefined, word: string): string | undefined {
  if (section === undefined) {
    return nearest(word.toLowerCase(), Object.keys(sections)) ?? sameName(word);
  }
  const known = Object.keys(keysOf(section));
  const near = nearest(word.toLowerCase(), known);
  return near === undefined ? sameName(word) : `${section}.${near}`;
}

function sameName(word: string): string | undefined {
  return [...leaves.keys()].find((key) => key.split('.')[1] === word.toLowerCase());
}

function expectedKeys(section: string): string {
  const keys = Object.keys(keysOf(section));
  return keys.length === 0 ? 'text' : `a group of keys: ${keys.join(', ')}`;
}

function keysOf(section: string): JsonObject {
  return Object.hasOwn(sections, section) ? sections[section as keyof typeof sections] : {};
}

const longestShown = 80;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  const bare = text.replace(/(:\/\/)[^/?#"]*@/g, '$1<redacted>@');
  return bare.length <= longestShown ? bare : `${bare.slice(0, longestShown)}...`;
}
