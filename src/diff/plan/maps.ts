import { listKinds, mapNames, sharedMap } from '../../haproxy/map-names.js';
import type { Adoption } from '../complete/adopt.js';
import { foreignEntries, needReload, planEntries, planFiles, planMaps } from './entries.js';
import { ownEntries, planRecord } from './owned-entries.js';
import type { PlanInput } from './input.js';
import { backendsIn } from './server-facts.js';
import { takenRoutes } from './taken-routes.js';
import type { Routing } from './routes.js';
import type { EntryStep, Problem, Step } from '../types.js';

export interface MapsPlan {
  /** Including files with wrong content. */
  readonly create: readonly Step[];
  readonly entries: readonly EntryStep[];
  /** Plus a reload if entries can't be changed without one. */
  readonly structural: readonly Step[];
  readonly problems: readonly Problem[];
}

/**
 * Routes that lead to services whose namespace is not in our settings, and what the maps of checks and
 * canaries say of their servers.
 */
function outOfScopeEntries(actual: PlanInput['actual']): (key: string, value: string) => boolean {
  const outside = backendsIn(actual).filter(({ outOfScope = [] }) => outOfScope.length > 0);
  const names = new Set(
    outside.flatMap(({ name, foreign = [] }) => [name, ...foreign.map((slot) => slot.name)]),
  );
  return (key, value) => names.has(value) || names.has(key);
}

/**
 * Our maps: those that have to be made, and what changes in them. Entries that lead to a backend
 * which stays, stay with it.
 */
export function planAllMaps(
  input: PlanInput,
  wanted: Routing['maps'],
  kept: ReadonlySet<string>,
  structural: readonly Step[],
  adoption: Adoption,
): MapsPlan {
  const { maps } = input.actual;
  const names = mapNames(input.settings.routing);
  const shared = sharedMap(input.settings.routing);
  const isOurs = ownEntries(input);
  const isOutside = outOfScopeEntries(input.actual);
  const isForeign = (map: string, key: string, value: string): boolean =>
    isOutside(key, value) ||
    (map === shared && !isOurs(key, value) && !adoption.backends.has(value));
  const taken = takenRoutes(input);
  const common = {
    maps,
    wanted,
    shared,
    checkMaps: [names['check-path'], names['check-host']],
    canaryMap: names.canary,
    isForeign,
    stays: (map: string, key: string, value: string) =>
      (kept.has(value) && !taken.entry(map, key, value)) || isForeign(map, key, value),
  };
  const problems = foreignEntries(common).map((message): Problem => {
    return {
      code: 'foreign-entry',
      message: `${message}; the entry is the operator's, so it is not changed`,
    };
  });
  const missing = planMaps({ maps, wanted });
  const planned = (entries: readonly EntryStep[], steps: readonly Step[]): MapsPlan => ({
    create: [
      ...missing,
      ...planFiles(common, shared, entries),
      ...planRecord(input, wanted, isOurs, entries),
    ],
    entries,
    structural: steps,
    problems,
  });
  const entries = planEntries({ ...common, withCommit: structural.length > 0 });
  const lists = listKinds.map((kind) => names[kind]);
  if (structural.length > 0 || !needReload(entries, lists)) return planned(entries, structural);
  const reason = 'map entries that only a reload can change';
  return planned(planEntries({ ...common, withCommit: true }), [
    { kind: 'reload', route: 'transaction', reload: 'routing-rules', reason },
  ]);
}
