import type { CheckSpec } from '../observe/types.js';
import { type TagName, type Tags, tagNames, tagRows } from './vocabulary.js';

/** Where a value came from; of several, the first in this order counts. */
export type Origin = 'tag' | 'job-spec' | 'setting' | 'default';

/** By the tag's key, without the prefix: `check.interval` came from the job spec. */
export type Origins = Readonly<Record<string, Origin>>;

/** What a job's check block says, by the tag that would override it. */
const inSpec: Partial<Readonly<Record<TagName, (spec: CheckSpec) => unknown>>> = {
  checkType: ({ type }) => type,
  checkPath: ({ path }) => path,
  checkMethod: ({ method }) => method,
  checkHost: ({ headers }) => Object.keys(headers).find((name) => name.toLowerCase() === 'host'),
  checkPort: ({ port }) => port,
  checkInterval: ({ intervalMs }) => intervalMs,
  checkTimeout: ({ timeoutMs }) => timeoutMs,
};

/** Tags whose value is a setting's where nobody gives them. */
const inSettings: ReadonlySet<TagName> = new Set([
  'backendStrategy',
  'frontends',
  'checkInterval',
  'checkTimeout',
  'checkRise',
  'checkFall',
]);

/** `spec`: the check of the job spec that the service's check was made from. */
export function originsOf(tags: Tags, spec: CheckSpec | undefined): Origins {
  return Object.fromEntries(
    tagNames.map((name) => [tagRows[name].key, originOf(name, tags[name], spec)]),
  );
}

function originOf(name: TagName, given: unknown, spec: CheckSpec | undefined): Origin {
  const isGiven = Array.isArray(given) ? given.length > 0 : given !== undefined;
  if (isGiven) return 'tag';
  if (spec !== undefined && isSaid(inSpec[name]?.(spec))) return 'job-spec';
  return inSettings.has(name) ? 'setting' : 'default';
}

/** A block that leaves a value out has it empty, or 0. */
function isSaid(value: unknown): boolean {
  return value !== undefined && value !== '' && value !== 0;
}
