/** Which instance stands behind a server, as the log says it. */

import type { ActualSlot } from '../actual/types.js';
import { instanceBehind, instanceText, type NodeOf } from '../diff/print/instance.js';
import type { Catalog } from '../observe/types.js';

export function nodesOf({ allocations }: Pick<Catalog, 'allocations'>): NodeOf {
  return (allocId) => allocations[allocId]?.node;
}

/** `nomad_web_1 (alloc 1a2b3c4d, job web, node n1)`. */
export function serverText(
  { name, service, binding }: Pick<ActualSlot, 'name' | 'service' | 'binding'>,
  catalog: Pick<Catalog, 'allocations'>,
): string {
  const instance = instanceBehind(service, binding);
  return instance === undefined ? name : `${name} (${instanceText(instance, nodesOf(catalog))})`;
}
