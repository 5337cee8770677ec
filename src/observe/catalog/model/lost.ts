/**
 * What a partial read lacks. It may be gone, or the read is wrong: before anything is concluded from
 * that, everything is read again. Not asked about is what an allocation explains that was read as
 * stopping or ended, and what stays because its allocation runs (see missing.ts).
 */

import { hasEnded } from './allocation.js';
import { keyOf } from './keys.js';
import { missingInstances } from './missing.js';
import type { WireAllocation } from '../../nomad/answers/shapes.js';
import { enabledInstances, type Snapshot } from './snapshot.js';

/** What was there in the last full read or in any read since. */
export interface Seen {
  readonly services: ReadonlySet<string>;
  /** By the instance's id. */
  readonly instances: ReadonlyMap<string, SeenInstance>;
}

interface SeenInstance {
  readonly service: string;
  readonly allocId: string;
}

/** `before`: absent after a full read. */
export function seenIn(snapshot: Snapshot, before?: Seen): Seen {
  const instances = enabledInstances(snapshot).map(
    ({ ID, Namespace, ServiceName, AllocID }) =>
      [ID, { service: keyOf(Namespace, ServiceName), allocId: AllocID }] as const,
  );
  return {
    services: new Set([...(before?.services ?? []), ...servicesIn(snapshot)]),
    instances: new Map([...(before?.instances ?? []), ...instances]),
  };
}

export function lacksWithoutCause({ services, instances }: Seen, snapshot: Snapshot): boolean {
  const registered = enabledInstances(snapshot).map(({ ID }) => ID);
  const present = new Set([...registered, ...missingInstances(snapshot).map(({ id }) => id)]);
  const isGone = ([id, { service, allocId }]: readonly [string, SeenInstance]): boolean =>
    !present.has(id) &&
    !snapshot.unreadableServices.has(service) &&
    !isLeaving(snapshot.allocations.get(allocId));
  if ([...instances].some(isGone)) return true;
  // What is left of its instances leaves: that is why the service isn't there.
  const emptied = new Set([...instances.values()].map(({ service }) => service));
  const there = new Set(servicesIn(snapshot));
  return [...services].some((key) => !there.has(key) && !emptied.has(key));
}

function servicesIn({ enabled, unreadableServices }: Snapshot): readonly string[] {
  return [...enabled, ...unreadableServices.keys()];
}

function isLeaving(alloc: WireAllocation | undefined): boolean {
  if (alloc === undefined) return false;
  return alloc.DesiredStatus !== 'run' || hasEnded(alloc);
}
