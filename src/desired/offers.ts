import { optsIn } from '../observe/catalog/model/tags.js';
import { compareText } from '../shared/compare.js';
import type { CatalogService, CheckSpec, ServiceDeclaration } from '../observe/types.js';
import { type Member, memberOfInstance, memberOfTarget } from './endpoints.js';
import type { LimitSettings } from '../config/types.js';
import { type Excess, type NameBudget, nameBudget, oldestInstances, tagBudget } from './limits.js';
import type { ServiceId } from '../haproxy/names.js';
import { byAuthority, type JobAge, type TagSet, tagSetsOf } from './tag-sets.js';
import type { RouteFile } from './types.js';

/** A service that opted in, or a route file. Both are planned the same way. */
export interface Offer {
  readonly id: ServiceId;
  readonly claimedAt: number;
  /** At least one. The first decides where values can't be merged. */
  readonly tagSets: readonly [TagSet, ...TagSet[]];
  /** From the declaration, for a service without instances. */
  readonly declaredChecks: readonly CheckSpec[];
  /** Instances its live jobs ask for, registered or not. */
  readonly declaredCount: number;
  /** What they may be scaled to, if that is more. */
  readonly scalesTo?: number;
  /** Only those that opted in, ordered by `byAuthority`. */
  readonly members: readonly Member[];
  /** A limit that its tags or instances exceed. */
  readonly excess?: Excess;
}

/** Undefined: nothing opted in. */
export function offerOfService(
  prefix: string,
  service: CatalogService,
  limits: LimitSettings,
): Offer | undefined {
  const { namespace, name, claimedAt } = service;
  const names = nameBudget(limits);
  names.short('a namespace', namespace);
  // The names of those that didn't opt in cost the service nothing.
  const ageOf = agesOf(service.declarations, nameBudget(limits));
  const budget = tagBudget(prefix, limits);
  const { some, excess: tooMany } = oldestInstances(
    service.instances.filter(({ tags }) => optsIn(tags, prefix)),
    limits,
  );
  const members = some
    .map((one) => {
      const { jobId, group } = shortNames(one, names);
      return memberOfInstance(one, { jobId, group, tags: budget.read(one.tags).own });
    })
    .sort(byAuthority(ageOf));
  const declarations = service.declarations
    .flatMap((one) => {
      const { own, isOffered } = budget.read(one.tags);
      return isOffered ? [{ ...one, ...shortNames(one, names), tags: own }] : [];
    })
    .sort(
      (a, b) =>
        a.jobCreateIndex - b.jobCreateIndex ||
        compareText(a.jobId, b.jobId) ||
        compareText(a.group, b.group),
    );
  // Lists beyond the budget are empty.
  const sets = tagSetsOf(members, declarations, ageOf);
  const [lead = sets[0], ...others] = sets.filter(({ tags }) => tags.length > 0);
  if (lead === undefined) return undefined;
  const excess = names.excess() ?? budget.excess() ?? tooMany;
  const declaredCount = declarations.reduce((sum, { count }) => sum + count, 0);
  const scalesTo = declarations.reduce((sum, { count, max = 0 }) => sum + Math.max(count, max), 0);
  return {
    id: { source: 'nomad', namespace, name },
    claimedAt,
    tagSets: [lead, ...others],
    declaredChecks: declarations[0]?.checks ?? [],
    declaredCount,
    ...(scalesTo > declaredCount ? { scalesTo } : {}),
    members,
    ...(excess === undefined ? {} : { excess }),
  };
}

interface Named {
  readonly jobId: string;
  readonly group?: string;
}

function shortNames({ jobId, group }: Named, { short }: NameBudget): Named {
  const job = short('a job ID', jobId);
  return group === undefined ? { jobId: job } : { jobId: job, group: short('a task group', group) };
}

function agesOf(declarations: readonly ServiceDeclaration[], names: NameBudget): JobAge {
  const ages = new Map(
    declarations.map((one) => [shortNames(one, names).jobId, one.jobCreateIndex]),
  );
  return (jobId) => ages.get(jobId) ?? Number.MAX_SAFE_INTEGER;
}

export function offerOfFile(prefix: string, file: RouteFile): Offer {
  const tags = file.tags.map((tag) => `${prefix}.${tag}`);
  const members = file.targets.map((target) => memberOfTarget(target, tags));
  return {
    id: { source: 'file', namespace: '', name: file.name },
    claimedAt: 0,
    tagSets: [{ jobId: '', group: '', tags }],
    declaredChecks: [],
    declaredCount: 0,
    members: members.sort((a, b) => compareText(a.id, b.id)),
  };
}
