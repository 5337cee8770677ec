/**
 * Finds the service block an instance comes from. Names, groups and tasks may contain dashes, so an
 * ID can't be parsed. Instead, the ID of each block is built and compared.
 */

import type { ServiceBlock } from './spec.js';
import { couldBe, resolveVariables, type Variables } from './variables.js';

export interface InstanceIdParts {
  readonly allocId: string;
  readonly group: string;
  /** Set for a task-level service. */
  readonly task?: string;
  readonly name: string;
  readonly portLabel: string;
}

export function instanceId(parts: InstanceIdParts): string {
  const owner = parts.task ?? `group-${parts.group}`;
  return `_nomad-task-${parts.allocId}-${owner}-${parts.name}-${parts.portLabel}`;
}

interface Registered {
  readonly id: string;
  readonly allocId: string;
  readonly name: string;
  /** Absent if the allocation is unknown. */
  readonly group?: string;
}

/** A name with variables only the client knows matches by pattern, after all exact names. */
export function findBlock(
  instance: Registered,
  blocks: readonly ServiceBlock[],
  variables: Variables,
): ServiceBlock | undefined {
  const candidates = blocks.filter((block) => {
    if (instance.group !== undefined && block.group !== instance.group) return false;
    const portLabel = resolveVariables(block.portLabel, variables);
    const { allocId, name } = instance;
    return instanceId({ ...block, allocId, name, portLabel }) === instance.id;
  });
  const nameOf = (block: ServiceBlock): string => resolveVariables(block.name, variables);
  return (
    candidates.find((block) => nameOf(block) === instance.name) ??
    candidates.find((block) => couldBe(nameOf(block), instance.name))
  );
}
