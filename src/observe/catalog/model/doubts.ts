/** Cross-checks Nomad's lists for well-formed answers that contradict each other. */

import { memoOf } from '../../../shared/memo.js';
import { keyOf } from './keys.js';
import type { Missing } from './missing.js';
import { enabledInstances, isRunning, type Snapshot } from './snapshot.js';

/**
 * Why the list of allocations can't be believed: none in a namespace where instances are registered
 * and the jobs' own summary counts running ones; or none and no jobs at all, as where the cluster was
 * lost or replaced between two answers. Each of the instances would look like a ghost.
 */
export function allocationsMissing(snapshot: Snapshot): string | undefined {
  return missingIn(snapshot, () => findAllocationsMissing(snapshot));
}

const missingIn = memoOf<string | undefined>();

function findAllocationsMissing(snapshot: Snapshot): string | undefined {
  const instances = enabledInstances(snapshot);
  const areGhosts = instances.every(({ AllocID }) => !snapshot.allocations.has(AllocID));
  if (areGhosts && instances.length > 0 && snapshot.jobs.size === 0) {
    return 'Nomad lists instances, and no job or allocation that could be theirs';
  }
  const listed = new Set([...snapshot.allocations.values()].map(({ Namespace }) => Namespace));
  const registered = new Set(instances.map(({ Namespace }) => Namespace));
  for (const { Namespace, JobSummary } of snapshot.jobs.values()) {
    if (listed.has(Namespace) || !registered.has(Namespace)) continue;
    const groups = Object.values(JobSummary?.Summary ?? {});
    if (groups.some(({ Running }) => (Running ?? 0) > 0)) {
      return `Nomad lists no allocations in ${Namespace}, where jobs run`;
    }
  }
  return undefined;
}

/** Why objects absent from this read may still exist. */
export function absenceDoubt(snapshot: Snapshot, missing: readonly Missing[]): string | undefined {
  const listed = new Set(snapshot.names.map(({ namespace }) => namespace));
  const empty = missing.find(({ namespace }) => !listed.has(namespace));
  if (empty === undefined) return undefined;
  return `Nomad lists no services in ${empty.namespace}, where allocations that offer them run`;
}

/**
 * By namespace, why not all its jobs are known: a job was just purged, or the token may read
 * allocations but not list jobs. The services of such a job would look removed.
 */
export function unlistedJobs(snapshot: Snapshot): ReadonlyMap<string, string> {
  const doubts = new Map<string, string>();
  for (const alloc of snapshot.allocations.values()) {
    const { Namespace, JobID } = alloc;
    if (!isRunning(alloc) || snapshot.jobs.has(keyOf(Namespace, JobID))) continue;
    doubts.set(
      Namespace,
      `Nomad does not list the job ${Namespace}/${JobID} of a running allocation`,
    );
  }
  return doubts;
}

/** A single reason if every namespace is in doubt. */
export function everywhere(
  doubts: ReadonlyMap<string, string>,
  snapshot: Snapshot,
): string | undefined {
  const namespaces = new Set([
    ...snapshot.names.map(({ namespace }) => namespace),
    ...[...snapshot.allocations.values()].map(({ Namespace }) => Namespace),
    ...[...snapshot.jobs.values()].map(({ Namespace }) => Namespace),
  ]);
  const all = snapshot.jobs.size === 0 || [...namespaces].every((one) => doubts.has(one));
  return all ? [...doubts.values()][0] : undefined;
}
