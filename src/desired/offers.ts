import { optsIn } from '../observe/catalog/model/tags.js';
import type { CatalogService, CheckSpec } from '../observe/types.js';
import { type Member, memberOfInstance, memberOfTarget, newestFirst } from './endpoints.js';
import type { ServiceId } from '../haproxy/names.js';
import type { RouteFile } from './types.js';

/** A service that opted in, or a route file: both are planned alike. */
export interface Offer {
  readonly id: ServiceId;
  readonly claimedAt: number;
  /** The job whose tags speak for the service, for messages. */
  readonly jobId: string;
  readonly tags: readonly string[];
  /** From the declaration, for when there is no instance. */
  readonly declaredChecks: readonly CheckSpec[];
  /** Instances that its live jobs ask for, registered or yet to come. */
  readonly declaredCount: number;
  /** Only those that opted in, the newest first. */
  readonly members: readonly Member[];
}

/**
 * Whose tags speak for the service: the newest instance's that opted in and is no canary, else the
 * newest canary's, else the oldest job's declaration. Undefined: nothing opted in.
 */
export function offerOfService(prefix: string, service: CatalogService): Offer | undefined {
  const { namespace, name, claimedAt } = service;
  const members = service.instances
    .filter(({ tags }) => optsIn(tags, prefix))
    .map(memberOfInstance)
    .sort(newestFirst);
  const declarations = service.declarations.filter(({ tags }) => optsIn(tags, prefix));
  const [declaration] = [...declarations].sort((a, b) => a.jobCreateIndex - b.jobCreateIndex);
  const lead = members[0] ?? declaration;
  if (lead === undefined) return undefined;
  return {
    id: { source: 'nomad', namespace, name },
    claimedAt,
    jobId: lead.jobId,
    tags: lead.tags,
    declaredChecks: declaration?.checks ?? [],
    declaredCount: declarations.reduce((sum, { count }) => sum + count, 0),
    members,
  };
}

export function offerOfFile(prefix: string, file: RouteFile): Offer {
  const tags = file.tags.map((tag) => `${prefix}.${tag}`);
  return {
    id: { source: 'file', namespace: '', name: file.name },
    claimedAt: 0,
    jobId: '',
    tags,
    declaredChecks: [],
    declaredCount: 0,
    members: file.targets.map((target) => memberOfTarget(target, tags)).sort(newestFirst),
  };
}
