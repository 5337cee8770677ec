import equal from 'fast-deep-equal';

import { mapNames, sharedMap } from '../../haproxy/map-names.js';
import { writeMap } from './entries.js';
import type { PlanInput } from './input.js';
import type { Routing } from './routes.js';
import { effectOf } from '../steps.js';
import type { EntryStep, WriteMap } from '../types.js';

/**
 * Whether an entry of the shared map is ours: our record lists it (ADR 0012). Without a record,
 * entries that point to our backends are ours. If HAProxy was never managed by us, none is.
 */
export function ownEntries(input: PlanInput): (key: string, value: string) => boolean {
  const { actual, settings } = input;
  const record = recordOf(input);
  if (record !== undefined) {
    return (key, value) => valuesOf(Object.hasOwn(record, key) ? record[key] : '').includes(value);
  }
  if (actual.marker.onDisk === undefined) return () => false;
  const { prefix } = settings.ownership;
  return (_key, value) =>
    (prefix !== '' && value.startsWith(prefix)) || actual.backends[value]?.ours === true;
}

/**
 * The record lists entries before they are added and until they are removed, so a process killed in
 * between leaves no unknown entry.
 */
export function planRecord(
  input: PlanInput,
  wanted: Routing['maps'],
  isOurs: (key: string, value: string) => boolean,
  steps: readonly EntryStep[],
): WriteMap[] {
  const shared = sharedMap(input.settings.routing);
  if (shared === undefined || wanted[shared] === undefined) return [];
  const { entries = {}, stored = {} } = input.actual.maps[shared] ?? {};
  const ours = [...Object.entries(entries), ...Object.entries(stored)].filter((entry) =>
    isOurs(...entry),
  );
  const changes = steps.filter(({ map }) => map === shared);
  const changed = new Set(changes.map(({ key }) => key));
  const coming = changes
    .filter(({ kind }) => effectOf(kind) !== 'remove')
    .map(({ key, value }): [string, string] => [key, value]);
  const before = recordOf(input);
  const between = record([...ours, ...coming]);
  const after = record([...ours.filter(([key]) => !changed.has(key)), ...coming]);
  const map = mapNames(input.settings.routing).owned;
  return [
    ...(equal(between, before ?? {}) ? [] : [writeMap(map, between, 'first')]),
    ...(equal(after, between) ? [] : [writeMap(map, after, 'last')]),
  ];
}

/** An entry that changes its backend is recorded with both. */
function record(entries: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  const values = new Map<string, Set<string>>();
  for (const [key, value] of entries) {
    values.set(key, (values.get(key) ?? new Set()).add(value));
  }
  return Object.fromEntries([...values].map(([key, all]) => [key, [...all].sort().join(' ')]));
}

function recordOf({ actual, settings }: PlanInput): Readonly<Record<string, string>> | undefined {
  return actual.maps[mapNames(settings.routing).owned]?.stored;
}

function valuesOf(value = ''): readonly string[] {
  return value === '' ? [] : value.split(' ');
}
