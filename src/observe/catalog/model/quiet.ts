/**
 * Jobs without services of ours. In a busy cluster they cause most events, and each would wake a
 * pass. This only filters wakes, by an event's topic, namespace and keys, like a subscription. A
 * wrongly filtered event is delayed until the next timer, and service registrations always wake.
 */

import type { StreamEvent } from './events.js';
import { keyOf } from './keys.js';
import type { JobSpec } from './spec.js';
import { optsIn } from './tags.js';
import { hasVariables } from './variables.js';

export interface QuietJobs {
  /** Keys of jobs. */
  readonly jobs: ReadonlySet<string>;
  /** Keys of parents whose dispatched and periodic children are all quiet. */
  readonly parents: ReadonlySet<string>;
}

export const noneQuiet: QuietJobs = { jobs: new Set(), parents: new Set() };

/** Far above realistic numbers. Beyond it, the set is cleared. */
const mostParents = 10_000;

export function quietJobs(
  specs: readonly JobSpec[],
  enabled: ReadonlySet<string>,
  prefix: string,
  before: QuietJobs,
): QuietJobs {
  const jobs = new Set<string>();
  const parents = new Set(before.parents.size > mostParents ? [] : before.parents);
  const loud = new Set<string>();
  for (const spec of specs) {
    const parent = parentOf(spec.id);
    const isQuiet = offersNothing(spec, enabled, prefix);
    if (isQuiet) jobs.add(keyOf(spec.namespace, spec.id));
    if (parent === undefined) continue;
    (isQuiet ? parents : loud).add(keyOf(spec.namespace, parent));
  }
  for (const parent of loud) parents.delete(parent);
  return { jobs, parents };
}

function offersNothing(spec: JobSpec, enabled: ReadonlySet<string>, prefix: string): boolean {
  return spec.blocks.every(
    ({ name, tags }) =>
      !hasVariables(name) &&
      !tags.some((tag) => hasVariables(tag)) &&
      !optsIn(tags, prefix) &&
      !enabled.has(keyOf(spec.namespace, name)),
  );
}

/** Whether all of these events are of quiet jobs. Anything unexpected is not quiet. */
export function areQuiet(events: readonly StreamEvent[], quiet: QuietJobs): boolean {
  return events.every((event) => isQuietEvent(event, quiet));
}

function isQuietEvent(
  { Topic, Namespace, Key, FilterKeys }: StreamEvent,
  quiet: QuietJobs,
): boolean {
  if (typeof Namespace !== 'string') return false;
  const isChild = (id: string): boolean => {
    const parent = parentOf(id);
    return parent !== undefined && quiet.parents.has(keyOf(Namespace, parent));
  };
  // A job's new version may differ. Its existing children don't.
  if (Topic === 'Job') return typeof Key === 'string' && isChild(Key);
  if (Topic !== 'Allocation' || !Array.isArray(FilterKeys)) return false;
  const [job] = FilterKeys as unknown[];
  return typeof job === 'string' && (quiet.jobs.has(keyOf(Namespace, job)) || isChild(job));
}

function parentOf(id: string): string | undefined {
  return /^(.+)\/(?:dispatch|periodic)-[^/]+$/s.exec(id)?.[1];
}
