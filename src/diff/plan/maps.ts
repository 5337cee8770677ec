import { mapNames } from '../../haproxy/map-names.js';
import type { Adoption } from '../complete/adopt.js';
import { foreignEntries, needReload, planEntries, planMaps } from './entries.js';
import { listKinds } from './expressions.js';
import type { PlanInput } from './input.js';
import type { Routing } from './routes.js';
import type { EntryStep, Problem, Step } from '../types.js';

export interface MapsPlan {
  readonly create: readonly Step[];
  readonly entries: readonly EntryStep[];
  /** With a reload more where entries can't be changed without one. */
  readonly structural: readonly Step[];
  readonly problems: readonly Problem[];
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
  const isForeign = foreign(input, adoption);
  const common = {
    maps,
    wanted,
    checkMaps: [names['check-path'], names['check-host']],
    canaryMap: names.canary,
    isForeign,
    stays: (map: string, _key: string, value: string) => kept.has(value) || isForeign(map, value),
  };
  const create = planMaps({ maps, wanted });
  const problems = foreignEntries(common).map((message): Problem => {
    return { code: 'foreign-entry', message: `${message}: that entry is not ours to change` };
  });
  const entries = planEntries({ ...common, withCommit: structural.length > 0 });
  const lists = listKinds.map((kind) => names[kind]);
  if (structural.length > 0 || !needReload(entries, lists)) {
    return { create, entries, structural, problems };
  }
  const reason = 'patterns that change by a reload only';
  return {
    create,
    problems,
    entries: planEntries({ ...common, withCommit: true }),
    structural: [{ kind: 'reload', route: 'transaction', reload: 'routing-rules', reason }],
  };
}

/** In a map of the operator's choice, entries that lead to no backend of ours are theirs. */
function foreign({ actual, settings }: PlanInput, { backends }: Adoption) {
  const shared = settings.routing.mapFile === undefined ? '' : mapNames(settings.routing).exact;
  const { prefix } = settings.ownership;
  return (map: string, value: string): boolean =>
    map === shared &&
    !value.startsWith(prefix) &&
    !backends.has(value) &&
    actual.backends[value]?.ours !== true;
}
