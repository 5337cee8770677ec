import { compareText } from '../../../shared/compare.js';
import { instanceId } from './instance-id.js';
import { variablesOf } from './instance.js';
import { keyOf } from './keys.js';
import type { WireAllocation } from '../../nomad/answers/shapes.js';
import { isRunning, type Snapshot } from './snapshot.js';
import type { ServiceBlock } from './spec.js';
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
  const registered = new Set([...snapshot.instances.values()].flat().map(({ ID }) => ID));
  return [...snapshot.allocations.values()]
    .filter(isRunning)
    .flatMap((alloc) => expectedOf(alloc, snapshot))
    .filter(({ id }) => !registered.has(id))
    .sort((a, b) => compareText(a.id, b.id));
}

function expectedOf(alloc: WireAllocation, snapshot: Snapshot): Missing[] {
  const blocks = snapshot.specOf(alloc)?.blocks ?? [];
  return blocks
    .filter((block) => block.group === alloc.TaskGroup && isUp(block, alloc))
    .flatMap((block) => {
      const variables = variablesOf(alloc);
      const name = resolveVariables(block.name, variables);
      const portLabel = resolveVariables(block.portLabel, variables);
      if (hasVariables(name) || !snapshot.enabled.has(keyOf(alloc.Namespace, name))) return [];
      const id = instanceId({ ...block, allocId: alloc.ID, name, portLabel });
      return [{ id, namespace: alloc.Namespace }];
    });
}

function isUp({ task }: ServiceBlock, alloc: WireAllocation): boolean {
  return task === undefined || alloc.TaskStates?.[task]?.State === 'running';
}
