import type { ActualMap } from '../../actual/types.js';
import { effectOf } from '../steps.js';
import type { CreateMap, EntryStep } from '../types.js';

export type Entries = Readonly<Record<string, string>>;

export interface EntriesInput {
  readonly maps: Readonly<Record<string, ActualMap>>;
  readonly wanted: Readonly<Record<string, Entries>>;
  /** Whether an entry that isn't wanted stays all the same: held, or the operator's. */
  readonly stays: (map: string, key: string, value: string) => boolean;
  /** In a map that the operator shares with us, entries that don't lead to a backend of ours. */
  readonly isForeign: (map: string, value: string) => boolean;
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

/** Entries that leave come first, so that none ever leads to a backend that is gone. */
export function planEntries(input: EntriesInput): EntryStep[] {
  const steps = Object.keys(input.wanted)
    .sort()
    .flatMap((map) => planMap(map, input));
  const leaves = ({ kind }: EntryStep): boolean => effectOf(kind) === 'remove';
  return [...steps.filter(leaves), ...steps.filter((step) => !leaves(step))];
}

function planMap(map: string, input: EntriesInput): EntryStep[] {
  const wanted = input.wanted[map] ?? {};
  const actual = input.maps[map]?.entries ?? {};
  // Not loaded, and no reload comes: no rule reads it, and HAProxy would not know the map.
  if (input.maps[map]?.entries === undefined && !input.withCommit) return [];
  const step = (kind: EntryStep['kind'], key: string, value: string): EntryStep => {
    return { kind, route: 'runtime', map, key, value, when: whenOf(kind, map, input) };
  };
  const isKnown = (value: string): boolean => Object.values(actual).includes(value);
  const gone = Object.keys(actual).filter(
    (key) => !Object.hasOwn(wanted, key) && !input.stays(map, key, actual[key] ?? ''),
  );
  const steps = gone.sort().map((key) => step('delete-entry', key, ''));
  for (const [key, value] of Object.entries(wanted).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const present = Object.hasOwn(actual, key) ? actual[key] : undefined;
    if (present === undefined) steps.push(step('add-entry', key, value));
    else if (present !== value && !input.isForeign(map, present)) {
      // A canary that is new has to come last, and the one before it to leave first.
      if (map !== input.canaryMap || isKnown(value)) steps.push(step('set-entry', key, value));
      else steps.push(step('delete-entry', key, ''), step('add-entry', key, value));
    }
  }
  return steps;
}

/** What the operator's own entries in a shared map keep from going live. */
export function foreignEntries({
  maps,
  wanted,
  isForeign,
}: Pick<EntriesInput, 'maps' | 'wanted' | 'isForeign'>): readonly string[] {
  return Object.entries(wanted).flatMap(([map, entries]) => {
    const actual = maps[map]?.entries ?? {};
    return Object.entries(entries)
      .filter(([key]) => Object.hasOwn(actual, key))
      .map(([key, value]) => ({ key, value, present: actual[key] ?? '' }))
      .filter(({ value, present }) => present !== value && isForeign(map, present))
      .map(({ key, value, present }) => `map ${map} leads ${key} to ${present}, not to ${value}`)
      .sort();
  });
}

function whenOf(kind: EntryStep['kind'], map: string, input: EntriesInput): EntryStep['when'] {
  if (input.withCommit) return 'with-commit';
  if (map === input.canaryMap) return effectOf(kind) === 'create' ? 'last' : 'first';
  const leaves = effectOf(kind) === 'remove';
  return leaves === input.checkMaps.includes(map) ? 'last' : 'first';
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
