import equal from 'fast-deep-equal';

import type { ActualMap } from '../../actual/types.js';
import { effectOf } from '../steps.js';
import type { CreateMap, EntryStep, WriteMap } from '../types.js';

export type Entries = Readonly<Record<string, string>>;

export interface EntriesInput {
  readonly maps: Readonly<Record<string, ActualMap>>;
  readonly wanted: Readonly<Record<string, Entries>>;
  /** Whether an entry that isn't wanted stays: held, or the operator's. */
  readonly stays: (map: string, key: string, value: string) => boolean;
  /** In a map that the operator shares with us, entries that aren't ours. */
  readonly isForeign: (map: string, key: string, value: string) => boolean;
  /** That map. */
  readonly shared: string | undefined;
  /** Maps that servers' checks read: an entry must be there before its server is. */
  readonly checkMaps: readonly string[];
  /** Names servers: one that leaves has to leave it before, one that comes enters it after. */
  readonly canaryMap: string;
  /** A reload is due in this pass: entries then go live, and leave, together with their backends. */
  readonly withCommit: boolean;
}

/** Maps that rules will read have to exist before HAProxy accepts the rules. */
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
  // Not loaded, and no reload comes: no rule reads it, and HAProxy would not know the map.
  if (entries === undefined && !input.withCommit) return [];
  // What the reload would load, where the process has none.
  const actual = entries ?? stored;
  const step = (kind: EntryStep['kind'], key: string, value: string): EntryStep => {
    return { kind, route: 'runtime', map, key, value, when: whenOf(kind, map, input) };
  };
  const known = new Set(Object.values(actual));
  // A map of ours is written whole; in a shared one a line may be on disk alone.
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
      // A canary that is new has to come last, and the one before it to leave first.
      if (map !== input.canaryMap || known.has(value)) steps.push(step('set-entry', key, value));
      else steps.push(step('delete-entry', key, ''), step('add-entry', key, value));
    }
  }
  return steps;
}

/** What the process has under that key, and what the file has. */
function sides(key: string, ...maps: readonly Entries[]): string[] {
  return maps.flatMap((entries) => (Object.hasOwn(entries, key) ? [entries[key] ?? ''] : []));
}

/** The operator's in the process, or on a line that has yet to be loaded. */
function isTheirs(map: string, key: string, { maps, isForeign }: Facts): boolean {
  const { entries = {}, stored = {} } = maps[map] ?? {};
  return sides(key, entries, stored).some((value) => isForeign(map, key, value));
}

type Facts = Pick<EntriesInput, 'maps' | 'isForeign'>;

/**
 * Files of maps of ours that differ from the process, as after a lost answer: a start of HAProxy
 * would serve what they say. Where entries change too, their steps write the file.
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

/** What the operator's own entries in a shared map keep from going live. */
export function foreignEntries(input: Facts & Pick<EntriesInput, 'wanted'>): readonly string[] {
  const { maps, wanted, isForeign } = input;
  return Object.entries(wanted).flatMap(([map, entries]) => {
    const { entries: actual = {}, stored = {} } = maps[map] ?? {};
    return Object.entries(entries)
      .flatMap(([key, value]) => {
        const present = sides(key, actual, stored).find(
          (one) => one !== value && isForeign(map, key, one),
        );
        return present === undefined ? [] : [{ key, value, present }];
      })
      .map(({ key, value, present }) => `map ${map} leads ${key} to ${present}, not to ${value}`)
      .sort();
  });
}

function whenOf(kind: EntryStep['kind'], map: string, input: EntriesInput): EntryStep['when'] {
  if (input.withCommit) return 'with-commit';
  if (map === input.canaryMap) return effectOf(kind) === 'create' ? 'last' : 'first';
  const goes = effectOf(kind) === 'remove';
  return goes === input.checkMaps.includes(map) ? 'last' : 'first';
}

/** What the Data Plane API takes as a key to change or delete (3.2 answers 422 for others). */
const editableKey = /^[A-Za-z0-9._:@%+,=~()!'/-]+$/;

/**
 * Maps that are lists (regex) are searched in the order of their lines, and an entry that is added
 * at runtime comes last; and some keys can't be changed at runtime. These wait for a reload.
 */
export function needReload(steps: readonly EntryStep[], lists: readonly string[]): boolean {
  return steps.some(
    ({ kind, map, key }) =>
      lists.includes(map) || (effectOf(kind) !== 'create' && !editableKey.test(key)),
  );
}
