/** The instance behind a server, for people. */

import { shortId } from '../../shared/short-id.js';
import type { Binding } from '../../haproxy/slots.js';
import { allocationOf } from '../../observe/catalog/model/allocation.js';

export interface InstanceBehind {
  readonly allocId: string;
  readonly job: string;
}

/** Names the node of an allocation, if it is known. */
export type NodeOf = (allocId: string) => string | undefined;

/** Undefined for a free slot and for a target of a route file. `service`: `namespace/service`. */
export function instanceBehind(
  service: string,
  binding: Binding | undefined,
): InstanceBehind | undefined {
  const allocId = allocationOf(binding?.id ?? '');
  if (allocId === '') return undefined;
  return { allocId, job: binding?.job ?? service.slice(service.indexOf('/') + 1) };
}

/** `alloc 1a2b3c4d, job web, node n1`: the allocation's ID as short as Nomad's commands show it. */
export function instanceText({ allocId, job }: InstanceBehind, nodeOf: NodeOf): string {
  const node = nodeOf(allocId);
  return `alloc ${shortId(allocId)}, job ${job}${node === undefined ? '' : `, node ${node}`}`;
}
