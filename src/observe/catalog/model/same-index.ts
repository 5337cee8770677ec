/** An index is its table's: at the same one, Nomad has the same registrations. */

import { keyOf } from './keys.js';
import { enabledInstances, type Snapshot } from './snapshot.js';

/** What whole reads saw registered, and the index at which they did. */
export interface Registered {
  readonly index: number;
  /** Services, and the instances of those that opted in. */
  readonly services: ReadonlySet<string>;
  readonly instances: ReadonlyMap<string, string>;
}

/**
 * All that is known of this index: a read that lacks some of it takes nothing away. Of `older`, keys
 * of services that were read at an earlier one, that much isn't known: an event may be late, or lost.
 */
export function registeredAt(
  snapshot: Snapshot,
  older: ReadonlySet<string>,
  before: Registered | undefined,
): Registered {
  const known = before?.index === snapshot.index ? before : undefined;
  const instances = enabledInstances(snapshot)
    .map(({ ID, Namespace, ServiceName }) => [ID, keyOf(Namespace, ServiceName)] as const)
    .filter(([, key]) => !older.has(key));
  return {
    index: snapshot.index,
    services: new Set([...(known?.services ?? []), ...serviceKeys(snapshot)]),
    instances: new Map([...(known?.instances ?? []), ...instances]),
  };
}

/** Why this read can't be true: at the same index there was more. */
export function lostAtSameIndex(
  before: Registered | undefined,
  snapshot: Snapshot,
): string | undefined {
  if (before?.index !== snapshot.index) return undefined;
  const services = new Set(serviceKeys(snapshot));
  const ids = new Set(enabledInstances(snapshot).map(({ ID }) => ID));
  const isLost = ([id, key]: readonly [string, string]): boolean =>
    snapshot.enabled.has(key) && !ids.has(id);
  const lost =
    [...before.services].some((key) => !services.has(key)) || [...before.instances].some(isLost);
  return lost ? `Nomad lists less than before at the same index ${snapshot.index}` : undefined;
}

function serviceKeys({ names }: Snapshot): string[] {
  return names.map(({ namespace, name }) => keyOf(namespace, name));
}
