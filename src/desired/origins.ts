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
  const given = tagNames.filter((name) => isGiven(tags[name]));
  const said = spec === undefined ? [] : specNames.filter((name) => isSaid(inSpec[name]?.(spec)));
  return known(`${given.join()} ${said.join()}`, () =>
    Object.fromEntries(tagNames.map((name) => [tagRows[name].key, originOf(name, given, said)])),
  );
}

/** Most services have the same few tags. */
const known = interned<Origins>();

const specNames = tagNames.filter((name) => inSpec[name] !== undefined);

function originOf(name: TagName, given: readonly TagName[], said: readonly TagName[]): Origin {
  if (given.includes(name)) return 'tag';
  if (said.includes(name)) return 'job-spec';
  return inSettings.has(name) ? 'setting' : 'default';
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

/** In a block, a missing value is empty or 0. */
function isSaid(value: unknown): boolean {
  return value !== undefined && value !== '' && value !== 0;
}
