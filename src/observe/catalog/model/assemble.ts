/** Builds a Catalog from a complete read. */

import { compareText } from '../../../shared/compare.js';
import type { Declared } from './declarations.js';
import { toFacts, toInstance } from './instance.js';
import { keyOf, label, partsOf } from './keys.js';
import type { Unreadable } from '../../nomad/api.js';
import type { WireInstance } from '../../nomad/answers/shapes.js';
import type { Snapshot } from './snapshot.js';
import type { Catalog, CatalogService, Trust, UnreadableService } from '../../types.js';
import { warningsOf } from './warnings.js';

export function assemble(snapshot: Snapshot, missing: readonly string[], trust: Trust): Catalog {
  const { services, unreadable } = servicesOf(snapshot);
  const allocations = [...snapshot.allocations].map(([id, alloc]) => [id, toFacts(alloc)] as const);
  return {
    index: snapshot.index,
    services,
    allocations: Object.fromEntries(allocations),
    ...(unreadable.length === 0 ? {} : { unreadable }),
    missing,
    trust,
    warnings: warningsOf(snapshot, services),
  };
}

interface Services {
  readonly services: readonly CatalogService[];
  readonly unreadable: readonly UnreadableService[];
}

function servicesOf(snapshot: Snapshot): Services {
  const declared = new Map<string, Declared[]>();
  for (const entry of snapshot.declared) {
    const key = keyOf(entry.namespace, entry.name);
    const known = declared.get(key);
    if (known === undefined) declared.set(key, [entry]);
    else known.push(entry);
  }
  const services: CatalogService[] = [];
  const unreadable: UnreadableService[] = [];
  const none: Snapshot = { ...snapshot, instances: new Map() };
  const skip = (key: string, { reason, limit }: Pick<Unreadable, 'reason' | 'limit'>): void => {
    const { namespace, name, ...rest } = toService(key, declared.get(key) ?? [], none);
    const why = `service ${label(namespace, name)} can't be read: ${reason}`;
    unreadable.push({ namespace, name, ...rest, reason: why, ...(limit ? { limit } : {}) });
  };
  for (const [key, why] of snapshot.unreadableServices) skip(key, why);
  for (const key of snapshot.enabled) {
    try {
      services.push(toService(key, declared.get(key) ?? [], snapshot));
    } catch (error) {
      // A defect of ours, which one service's input brings out.
      skip(key, { reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { services: services.sort(byName), unreadable: unreadable.sort(byName) };
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

function byName(a: Named, b: Named): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

function toService(key: string, declared: readonly Declared[], snapshot: Snapshot): CatalogService {
  const [namespace, name] = partsOf(key);
  const instances = snapshot.instances.get(key) ?? [];
  return {
    namespace,
    name,
    instances: instances
      .map((wire) => toInstance(wire, snapshot))
      .sort((a, b) => compareText(a.id, b.id)),
    declarations: declared.map(({ declaration }) => declaration),
    claimedAt: claimOf(key, instances, declared, snapshot),
  };
}

/**
 * An instance may outlive the job that held the claim. So while instances with unlisted jobs exist,
 * the earlier claim counts.
 */
function claimOf(
  key: string,
  instances: readonly WireInstance[],
  declared: readonly Declared[],
  snapshot: Snapshot,
): number {
  const jobs = instances.map(({ Namespace, JobID }) => snapshot.jobs.get(keyOf(Namespace, JobID)));
  const before = jobs.includes(undefined) ? snapshot.claims.get(key) : undefined;
  return Math.min(
    before ?? Number.MAX_SAFE_INTEGER,
    ...jobs.map((job) => job?.CreateIndex ?? Number.MAX_SAFE_INTEGER),
    ...declared.map(({ declaration }) => declaration.jobCreateIndex),
  );
}
