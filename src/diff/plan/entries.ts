import equal from 'fast-deep-equal';

import type { ActualMap } from '../../actual/types.js';
import { sameRecord } from '../../shared/same.js';
import { effectOf } from '../steps.js';
import type { CreateMap, EntryStep, WriteMap } from '../types.js';

export type Entries = Readonly<Record<string, string>>;

export interface EntriesInput {
  readonly maps: Readonly<Record<string, ActualMap>>;
  readonly wanted: Readonly<Record<string, Entries>>;
  /** Whether an unwanted entry stays: held, or the operator's. */
  readonly stays: (map: string, key: string, value: string) => boolean;
  /** Entries in the shared map that aren't ours. */
  readonly isForeign: (map: string, key: string, value: string) => boolean;
  /** The shared map. */
  readonly shared: string | undefined;
  /** Maps read by checks: an entry must exist before its server does. */
  readonly checkMaps: readonly string[];
  /** Names servers: an entry is removed before its server and added after it. */
  readonly canaryMap: string;
  /** This pass reloads, so entries appear and disappear together with their backends. */
  readonly withCommit: boolean;
}

/** Maps must exist before HAProxy accepts rules that read them. */
export function planMaps({ maps, wanted }: Pick<EntriesInput, 'maps' | 'wanted'>): CreateMap[] {
  return Object.keys(wanted)
    .filter((map) => maps[map] === undefined)
    .sort()
    .map((map) => ({ kind: 'create-map', route: 'storage', map }));
}

/**
 * Entries that leave come first, so that none ever leads to a backend that is gone. Without a reload
 * all backends stay: there an entry that another of its backend replaces leaves after that one came,
 * or requests that both match would end in default_backend in between.
 */
export function planEntries(input: EntriesInput): EntryStep[] {
  const steps = Object.keys(input.wanted)
    .sort()
    .flatMap((map) => planMap(map, input));
  const leaving = steps.filter(leaves);
  const coming = steps.filter((step) => !leaves(step));
  const gaining = new Set(coming.filter(({ when }) => when === 'last').map(({ value }) => value));
  const isReplaced = ({ map, key, when }: EntryStep): boolean =>
    when === 'first' &&
    map !== input.canaryMap &&
    gaining.has(input.maps[map]?.entries?.[key] ?? '');
  return [
    ...leaving.filter((step) => !isReplaced(step)),
    ...coming,
    ...leaving.filter(isReplaced).map((step) => ({ ...step, when: 'last' }) as const),
  ];
}

function leaves({ kind }: EntryStep): boolean {
  return effectOf(kind) === 'remove';
}

function planMap(map: string, input: EntriesInput): EntryStep[] {
  const wanted = input.wanted[map] ?? {};
  const { entries, stored = {} } = input.maps[map] ?? {};
  // Not loaded and no reload: no rule reads the map, and HAProxy doesn't know it.
  if (entries === undefined && !input.withCommit) return [];
  // If the process has no entries, use those the reload would load.
  const actual = entries ?? stored;
  if (map !== input.shared && sameRecord(actual, wanted) === actual) return [];
  const step = (kind: EntryStep['kind'], key: string, value: string): EntryStep => {
    return { kind, route: 'runtime', map, key, value, when: whenOf(kind, map, input) };
  };
  const known = new Set(Object.values(actual));
  // Our own maps are written whole. In a shared one, a line may exist only on disk.
  const present = new Set(Object.keys(map === input.shared ? { ...stored, ...actual } : actual));
  const steps = [...present]
    .filter((key) => !Object.hasOwn(wanted, key))
    .filter((key) => sides(key, actual, stored).some((value) => !input.stays(map, key, value)))
    .filter((key) => !isTheirs(map, key, input))
    .sort()
    .map((key) => step('delete-entry', key, ''));
  for (const [key, value] of Object.entries(wanted).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (isTheirs(map, key, input)) continue;
    const isThere = Object.hasOwn(actual, key);
    const isStored = map !== input.shared || stored[key] === value;
    if (!isThere) steps.push(step('add-entry', key, value));
    else if (actual[key] !== value || !isStored) {
      // A new canary's entry must come last, after the previous one is removed.
      if (map !== input.canaryMap || known.has(value)) steps.push(step('set-entry', key, value));
      else steps.push(step('delete-entry', key, ''), step('add-entry', key, value));
    }
  }
  return steps;
}

/** The key's values in the process and in the file. */
function sides(key: string, ...maps: readonly Entries[]): string[] {
  return maps.flatMap((entries) => (Object.hasOwn(entries, key) ? [entries[key] ?? ''] : []));
}

/** The operator's entry, in the process or on a line not loaded yet. */
function isTheirs(map: string, key: string, { maps, isForeign }: Facts): boolean {
  const { entries = {}, stored = {} } = maps[map] ?? {};
  return sides(key, entries, stored).some((value) => isForeign(map, key, value));
}

type Facts = Pick<EntriesInput, 'maps' | 'isForeign'>;

/**
 * Rewrites files of our maps that differ from the process, for example after a lost answer:
 * HAProxy's next start would load them. If entries change too, their steps write the file.
 */
export function planFiles(
  { maps, wanted }: Pick<EntriesInput, 'maps' | 'wanted'>,
  shared: string | undefined,
  steps: readonly EntryStep[],
): WriteMap[] {
  const changed = new Set(steps.map(({ map }) => map));
  return Object.keys(wanted)
    .sort()
    .flatMap((map): WriteMap[] => {
      const { entries, stored } = maps[map] ?? {};
      if (map === shared || changed.has(map) || entries === undefined || stored === undefined)
        return [];
      return equal(entries, stored) ? [] : [writeMap(map, entries, 'first')];
    });
}

export function writeMap(map: string, entries: Entries, when: WriteMap['when']): WriteMap {
  return { kind: 'write-map', route: 'storage', map, entries, when };
}

/** Our entries that are blocked by the operator's in a shared map. */
export function foreignEntries(input: Facts & Pick<EntriesInput, 'wanted'>): readonly string[] {
  const { maps, wanted, isForeign } = input;
  return Object.entries(wanted).flatMap(([map, entries]) => {
    const { entries: actual = {}, stored = {} } = maps[map] ?? {};
    return Object.entries(entries)
      .flatMap(([key, value]) => {
        if (!differs(key, value, actual) && !differs(key, value, stored)) return [];
        const present = sides(key, actual, stored).find(
          (one) => one !== value && isForeign(map, key, one),
        );
        return present === undefined ? [] : [{ key, value, present }];
      })
      .map(({ key, value, present }) => `map ${map} points ${key} to ${present}, not to ${value}`)
      .sort();
  });
}

function differs(key: string, value: string, entries: Entries): boolean {
  return entries[key] !== value && Object.hasOwn(entries, key);
}

function whenOf(kind: EntryStep['kind'], map: string, input: EntriesInput): EntryStep['when'] {
  if (input.withCommit) return 'with-commit';
  if (map === input.canaryMap) return effectOf(kind) === 'create' ? 'last' : 'first';
  const goes = effectOf(kind) === 'remove';
  return goes === input.checkMaps.includes(map) ? 'last' : 'first';
}

/** Keys the Data Plane API can change or delete (3.2 answers 422 for others). */
const editableKey = /^[A-Za-z0-9._:@%+,=~()!'/-]+$/;

/**
 * Whether a change needs a reload. Regex maps are searched in line order and runtime additions come
 * last. Some keys can't be changed at runtime at all.
 */
export function needReload(steps: readonly EntryStep[], lists: readonly string[]): boolean {
  return steps.some(
    ({ kind, map, key }) =>
      lists.includes(map) || (effectOf(kind) !== 'create' && !editableKey.test(key)),
  );
}
