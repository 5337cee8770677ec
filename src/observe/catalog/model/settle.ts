/**
 * For clusters where something registers all the time. With a thousand services, a read takes
 * longer than the index stays the same, so no read has a single index. But each answer is true for
 * its own service at its own moment, so anything missing from two consecutive reads is gone.
 * Anything missing only from the later one is carried over while its allocation should run, and the
 * next read decides.
 */

import { keyOf } from './keys.js';
import type { WireAllocation, WireInstance } from '../../nomad/answers/shapes.js';
import { enabledInstances, type Snapshot } from './snapshot.js';

export function settle(now: Snapshot, before: Snapshot): Snapshot {
  const registered = new Set(enabledInstances(now).map(({ ID }) => ID));
  const carried = enabledInstances(before).filter(
    (wire) =>
      !registered.has(wire.ID) &&
      !now.unreadableServices.has(keyOf(wire.Namespace, wire.ServiceName)) &&
      isToRun(now.allocations.get(wire.AllocID)),
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
