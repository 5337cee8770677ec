import { optsIn } from '../observe/catalog/model/tags.js';
import { compareText } from '../shared/compare.js';
import type { CatalogService, CheckSpec, ServiceDeclaration } from '../observe/types.js';
import { type Member, memberOfInstance, memberOfTarget } from './endpoints.js';
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
  /** Only those that opted in, ordered by `byAuthority`. */
  readonly members: readonly Member[];
}

/** Undefined: nothing opted in. */
export function offerOfService(prefix: string, service: CatalogService): Offer | undefined {
  const { namespace, name, claimedAt } = service;
  const ageOf = agesOf(service.declarations);
  const members = service.instances
    .filter(({ tags }) => optsIn(tags, prefix))
    .map(memberOfInstance)
    .sort(byAuthority(ageOf));
  const declarations = service.declarations
    .filter(({ tags }) => optsIn(tags, prefix))
    .sort(
      (a, b) =>
        a.jobCreateIndex - b.jobCreateIndex ||
        compareText(a.jobId, b.jobId) ||
        compareText(a.group, b.group),
    );
  const [lead, ...others] = tagSetsOf(members, declarations, ageOf);
  if (lead === undefined) return undefined;
  return {
    id: { source: 'nomad', namespace, name },
    claimedAt,
    tagSets: [lead, ...others],
    declaredChecks: declarations[0]?.checks ?? [],
    declaredCount: declarations.reduce((sum, { count }) => sum + count, 0),
    members,
  };
}

function agesOf(declarations: readonly ServiceDeclaration[]): JobAge {
  const ages = new Map(declarations.map(({ jobId, jobCreateIndex }) => [jobId, jobCreateIndex]));
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
