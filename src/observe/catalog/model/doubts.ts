/** Answers that are well-formed and can't all be true: Nomad's lists, held against each other. */

import { keyOf } from './keys.js';
import type { Missing } from './missing.js';
import { enabledInstances, isRunning, type Snapshot } from './snapshot.js';

/**
 * Why the list of allocations can't be believed: none in a namespace where instances are registered
 * and the jobs' own summary counts running ones. Each of the instances would look like a ghost.
 */
export function allocationsMissing(snapshot: Snapshot): string | undefined {
  const listed = new Set([...snapshot.allocations.values()].map(({ Namespace }) => Namespace));
  const registered = new Set(enabledInstances(snapshot).map(({ Namespace }) => Namespace));
  for (const { Namespace, JobSummary } of snapshot.jobs.values()) {
    if (listed.has(Namespace) || !registered.has(Namespace)) continue;
    const groups = Object.values(JobSummary?.Summary ?? {});
    if (groups.some(({ Running }) => (Running ?? 0) > 0)) {
      return `Nomad lists no allocations in ${Namespace}, where jobs run`;
    }
  }
  return undefined;
}

/** Why what is absent from this read may be there all the same. */
export function absenceDoubt(snapshot: Snapshot, missing: readonly Missing[]): string | undefined {
  const listed = new Set(snapshot.names.map(({ namespace }) => namespace));
  const empty = missing.find(({ namespace }) => !listed.has(namespace));
  if (empty !== undefined) {
    return `Nomad lists no services in ${empty.namespace}, where allocations that offer them run`;
  }
  for (const alloc of snapshot.allocations.values()) {
    if (isRunning(alloc) && !snapshot.jobs.has(keyOf(alloc.Namespace, alloc.JobID))) {
      return `Nomad does not list the job ${alloc.Namespace}/${alloc.JobID} of a running allocation`;
    }
  }
  return undefined;
}
