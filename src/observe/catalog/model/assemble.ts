/** Builds a Catalog from a complete read. */

import { compareText } from '../../../shared/compare.js';
import type { Declared } from './declarations.js';
import { toFacts, toInstance } from './instance.js';
import { keyOf, partsOf } from './keys.js';
import type { WireInstance } from '../../nomad/answers/shapes.js';
import type { Snapshot } from './snapshot.js';
import type { Catalog, CatalogService, Trust } from '../../types.js';
import { warningsOf } from './warnings.js';

export function assemble(snapshot: Snapshot, missing: readonly string[], trust: Trust): Catalog {
  const services = servicesOf(snapshot);
  const allocations = [...snapshot.allocations].map(([id, alloc]) => [id, toFacts(alloc)] as const);
  return {
    index: snapshot.index,
    services,
    allocations: Object.fromEntries(allocations),
    missing,
    trust,
    warnings: warningsOf(snapshot, services),
  };
}

function servicesOf(snapshot: Snapshot): CatalogService[] {
  const declared = new Map<string, Declared[]>();
  for (const entry of snapshot.declared) {
    const key = keyOf(entry.namespace, entry.name);
    declared.set(key, [...(declared.get(key) ?? []), entry]);
  }
  return [...snapshot.enabled]
    .map((key) => toService(key, declared.get(key) ?? [], snapshot))
    .sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
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
