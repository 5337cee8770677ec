import type { CheckSpec } from '../observe/types.js';
import { interned } from '../shared/intern.js';
import { type TagName, type Tags, tagNames, tagRows } from './vocabulary.js';

/** Where a value came from, highest precedence first. */
export type Origin = 'tag' | 'job-spec' | 'setting' | 'default';

/** By the tag's key, without the prefix: `check.interval` came from the job spec. */
export type Origins = Readonly<Record<string, Origin>>;

/** Values of a job's check block, by the tag that would override them. */
const inSpec: Partial<Readonly<Record<TagName, (spec: CheckSpec) => unknown>>> = {
  checkType: ({ type }) => type,
  checkPath: ({ path }) => path,
  checkMethod: ({ method }) => method,
  checkHost: ({ headers }) => Object.keys(headers).find((name) => name.toLowerCase() === 'host'),
  checkPort: ({ port }) => port,
  checkInterval: ({ intervalMs }) => intervalMs,
  checkTimeout: ({ timeoutMs }) => timeoutMs,
};

/** Tags that default to a setting. */
const inSettings: ReadonlySet<TagName> = new Set([
  'backendStrategy',
  'frontends',
  'checkInterval',
  'checkTimeout',
  'checkRise',
  'checkFall',
]);

/** `spec`: the job spec's check that the service's check is based on. */
export function originsOf(tags: Tags, spec: CheckSpec | undefined): Origins {
  const origins = tagNames.map((name) => originOf(name, tags[name], spec));
  return known(origins.join(), () =>
    Object.fromEntries(tagNames.map((name, at) => [tagRows[name].key, origins[at] as Origin])),
  );
}

/** Most services have the same few tags. */
const known = interned<Origins>();

function originOf(name: TagName, given: unknown, spec: CheckSpec | undefined): Origin {
  const isGiven = Array.isArray(given) ? given.length > 0 : given !== undefined;
  if (isGiven) return 'tag';
  if (spec !== undefined && isSaid(inSpec[name]?.(spec))) return 'job-spec';
  return inSettings.has(name) ? 'setting' : 'default';
}

/** In a block, a missing value is empty or 0. */
function isSaid(value: unknown): boolean {
  return value !== undefined && value !== '' && value !== 0;
}
