/** State kept between reads. */

import { keep } from '../../../shared/keep.js';
import { memoOf } from '../../../shared/memo.js';
import { tagsKey, type LastTags } from './declarations.js';
import { keyOf } from './keys.js';
import type { WireAllocation } from '../../nomad/answers/shapes.js';
import { enabledInstances, isRunning, type Snapshot } from './snapshot.js';
import type { Catalog } from '../../types.js';

/** By job, from its instances other than canaries. Jobs without any keep their last value. */
export function tagsToKeep(snapshot: Snapshot, before: LastTags): LastTags {
  const tags = new Map<string, readonly string[]>();
  for (const { namespace, name, declaration } of snapshot.declared) {
    const key = tagsKey(namespace, name, declaration.jobId);
    const known = before.get(key);
    if (known !== undefined) tags.set(key, known);
  }
  for (const wire of enabledInstances(snapshot)) {
    const canary = snapshot.allocations.get(wire.AllocID)?.DeploymentStatus?.Canary === true;
    const key = tagsKey(wire.Namespace, wire.ServiceName, wire.JobID);
    // Instances of a job mostly have the same.
    if (!canary) tags.set(key, keep(before.get(key), wire.Tags ?? []));
  }
  return tags;
}

/** By service key. */
export function claimsOf(
  { services, unreadable = [] }: Catalog,
  before: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const unread = unreadable.map((one) => {
    const key = keyOf(one.namespace, one.name);
    return [key, before.get(key) ?? one.claimedAt] as const;
  });
  const read = services.map((one) => [keyOf(one.namespace, one.name), one.claimedAt] as const);
  return new Map([...unread, ...read]);
}

/** Allocations whose spec matters: they have instances or should have some. Found once for a snapshot. */
export function relevantAllocations(snapshot: Snapshot): readonly WireAllocation[] {
  return relevantIn(snapshot, () => findRelevant(snapshot));
}

const relevantIn = memoOf<readonly WireAllocation[]>();

function findRelevant(snapshot: Snapshot): readonly WireAllocation[] {
  const registered = new Set(enabledInstances(snapshot).map(({ AllocID }) => AllocID));
  const declaring = new Set(
    snapshot.declared
      .filter(({ namespace, name }) => snapshot.enabled.has(keyOf(namespace, name)))
      .map(({ namespace, declaration }) => keyOf(namespace, declaration.jobId)),
  );
  return [...snapshot.allocations.values()].filter(
    (alloc) =>
      registered.has(alloc.ID) ||
      (isRunning(alloc) && declaring.has(keyOf(alloc.Namespace, alloc.JobID))),
  );
}
