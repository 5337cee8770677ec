import { compareText } from '../../../shared/compare.js';
import { instanceId } from './instance-id.js';
import { variablesOf } from './instance.js';
import { keyOf } from './keys.js';
import type { WireAllocation } from '../../nomad/answers/shapes.js';
import { runThrough, type Sliced } from '../../../shared/slices.js';
import { isRunning, type Snapshot } from './snapshot.js';
import type { JobSpec, ServiceBlock } from './spec.js';
import { hasVariables, resolveVariables } from './variables.js';

export interface Missing {
  readonly id: string;
  readonly namespace: string;
}

/**
 * Missing registrations: the allocation and (for a task's service) the task run, the running job
 * version has the service, but the catalog lacks it.
 */
export function missingInstances(snapshot: Snapshot): readonly Missing[] {
  return missingIn.get(snapshot) ?? runThrough(findMissing(snapshot));
}

/** Found once for a snapshot; here allocation by allocation. */
export function* findMissing(snapshot: Snapshot): Sliced<readonly Missing[]> {
  const known = missingIn.get(snapshot);
  if (known !== undefined) return known;
  const registered = new Set([...snapshot.instances.values()].flat().map(({ ID }) => ID));
  yield;
  const missing: Missing[] = [];
  for (const alloc of snapshot.allocations.values()) {
    if (isRunning(alloc)) {
      missing.push(...expectedOf(alloc, snapshot).filter(({ id }) => !registered.has(id)));
    }
    yield;
  }
  missing.sort((a, b) => compareText(a.id, b.id));
  missingIn.set(snapshot, missing);
  return missing;
}

const missingIn = new WeakMap<Snapshot, readonly Missing[]>();

interface Expected extends Missing {
  /** The service's key. */
  readonly key: string;
}

/** By allocation: what it should have registered, and by which spec. Both are the same for long. */
const known = new WeakMap<
  WireAllocation,
  { readonly spec: JobSpec | undefined; readonly expected: readonly Expected[] }
>();

function expectedOf(alloc: WireAllocation, snapshot: Snapshot): readonly Expected[] {
  const spec = snapshot.specOf(alloc);
  const last = known.get(alloc);
  const expected = last?.spec === spec && last !== undefined ? last.expected : expect(alloc, spec);
  known.set(alloc, { spec, expected });
  return expected.filter(({ key }) => snapshot.enabled.has(key));
}

function expect(alloc: WireAllocation, spec: JobSpec | undefined): readonly Expected[] {
  return (spec?.blocks ?? [])
    .filter((block) => block.group === alloc.TaskGroup && isUp(block, alloc))
    .flatMap((block) => {
      const variables = variablesOf(alloc);
      const name = resolveVariables(block.name, variables);
      const portLabel = resolveVariables(block.portLabel, variables);
      if (hasVariables(name)) return [];
      const id = instanceId({ ...block, allocId: alloc.ID, name, portLabel });
      return [{ id, namespace: alloc.Namespace, key: keyOf(alloc.Namespace, name) }];
    });
}

function isUp({ task }: ServiceBlock, alloc: WireAllocation): boolean {
  return task === undefined || alloc.TaskStates?.[task]?.State === 'running';
}
