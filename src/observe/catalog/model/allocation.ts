/** What an allocation's status means for its instances. */

import type { WireAllocation } from '../../nomad/answers/shapes.js';
import type { AllocationFacts } from '../../types.js';

type Status = Pick<AllocationFacts, 'clientStatus' | 'desiredStatus'>;

/** `_nomad-task-<36 characters of UUID>-...`; anything else has no allocation. */
export function allocationOf(instanceId: string): string {
  const prefix = '_nomad-task-';
  return instanceId.startsWith(prefix) ? instanceId.slice(prefix.length, prefix.length + 36) : '';
}

export function isLeaving(allocation: Status | undefined): boolean {
  return allocation !== undefined && (allocation.desiredStatus !== 'run' || isOver(allocation));
}

export function isOver({ clientStatus }: Pick<Status, 'clientStatus'>): boolean {
  return isEnd(clientStatus);
}

/** The same of an answer of Nomad's. */
export function hasEnded({ ClientStatus }: Pick<WireAllocation, 'ClientStatus'>): boolean {
  return isEnd(ClientStatus);
}

function isEnd(clientStatus: string): boolean {
  return clientStatus === 'complete' || clientStatus === 'failed' || clientStatus === 'lost';
}
