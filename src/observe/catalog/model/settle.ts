/**
 * A cluster in which something registers all the time: with a thousand services each read takes
 * longer than the index stands still, so none is of one index. Yet each answer is true of its own
 * service at its own moment, so what two reads in a row lack has gone, whatever else moved. What
 * only the later one lacks is carried over while its allocation is to run: the next read tells.
 */

import { keyOf } from './keys.js';
import type { WireAllocation, WireInstance } from '../../nomad/answers/shapes.js';
import { enabledInstances, type Snapshot } from './snapshot.js';

export function settle(now: Snapshot, before: Snapshot): Snapshot {
  const registered = new Set(enabledInstances(now).map(({ ID }) => ID));
  const carried = enabledInstances(before).filter(
    ({ ID, AllocID }) => !registered.has(ID) && isToRun(now.allocations.get(AllocID)),
  );
  if (carried.length === 0) return now;
  const instances = new Map<string, readonly WireInstance[]>(now.instances);
  for (const wire of carried) {
    const key = keyOf(wire.Namespace, wire.ServiceName);
    instances.set(key, [...(instances.get(key) ?? []), wire]);
  }
  const names = new Set(carried.map((wire) => keyOf(wire.Namespace, wire.ServiceName)));
  return {
    ...now,
    instances,
    enabled: new Set([...now.enabled, ...names]),
    addresses: new Map([...before.addresses, ...now.addresses]),
  };
}

function isToRun(alloc: WireAllocation | undefined): boolean {
  if (alloc?.DesiredStatus !== 'run') return false;
  return ['pending', 'running', 'unknown'].includes(alloc.ClientStatus);
}
