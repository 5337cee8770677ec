import type { ActualSlot } from '../../../actual/types.js';
import type { Endpoint } from '../../../desired/types.js';
import { formatAddress } from '../../../haproxy/addresses.js';
import type { CatalogInstance } from '../../../observe/types.js';
import { compareText } from '../../../shared/compare.js';
import type { InstancePhase, InstanceStatus } from './types.js';

/** What one service has in Nomad and in HAProxy. */
export interface Standing {
  /** What HAProxy should serve. */
  readonly endpoints: readonly Endpoint[];
  /** As registered. */
  readonly registered: readonly CatalogInstance[];
  /** The service's servers. */
  readonly slots: readonly ActualSlot[];
  /** Ids whose removal the guard holds. */
  readonly held: ReadonlySet<string>;
}

/** Every instance that Nomad lists or HAProxy has a server for, by id. */
export function instancesOf(standing: Standing): readonly InstanceStatus[] {
  const { endpoints, registered, slots } = standing;
  const facts = new Map(registered.map((one) => [one.id, one]));
  const bound = new Map(slots.flatMap((one) => (one.binding ? [[one.binding.id, one]] : [])));
  const wanted = new Map(endpoints.map((one) => [one.id, one]));
  const ids = [...new Set([...wanted.keys(), ...bound.keys()])].sort(compareText);
  return ids.map((id) => instanceOf(id, wanted.get(id), bound.get(id), facts.get(id), standing));
}

function instanceOf(
  id: string,
  endpoint: Endpoint | undefined,
  slot: ActualSlot | undefined,
  registered: CatalogInstance | undefined,
  { held }: Standing,
): InstanceStatus {
  const haproxy = slot === undefined ? undefined : stateOf(slot);
  const job = registered?.jobId ?? endpoint?.job ?? slot?.binding?.job;
  const allocation = registered?.allocId ?? allocationIn(id);
  const { address, port } = endpoint ?? slot?.config ?? { address: '', port: 0 };
  const { jobVersion: version, node } = registered?.allocation ?? {};
  return {
    id,
    phase: phaseOf(endpoint, slot, haproxy, held.has(id)),
    address: address === '' ? '' : formatAddress(address, port),
    ...(allocation === undefined ? {} : { allocation }),
    ...(job === undefined || job === '' ? {} : { job }),
    ...(version === undefined ? {} : { version }),
    ...(node === undefined ? {} : { node }),
    ...(registered?.allocation?.canary === true ? { canary: true } : {}),
    ...(slot === undefined ? {} : { server: slot.name, weight: slot.config.weight }),
    ...(haproxy === undefined ? {} : { haproxy }),
  };
}

/** What HAProxy's process says; undefined if it has not loaded the server. */
export function stateOf({ runtime }: ActualSlot): InstanceStatus['haproxy'] {
  if (runtime === undefined) return undefined;
  if (runtime.admin === 'maint') return 'MAINT';
  if (runtime.admin === 'drain' || runtime.operational === 'stopping') return 'DRAIN';
  return runtime.operational === 'up' ? 'UP' : 'DOWN';
}

function phaseOf(
  endpoint: Endpoint | undefined,
  slot: ActualSlot | undefined,
  haproxy: InstanceStatus['haproxy'],
  isHeld: boolean,
): InstancePhase {
  if (isHeld) return 'held';
  if (slot?.binding?.drainingSince !== undefined || endpoint?.phase === 'drain') return 'draining';
  if (endpoint === undefined) return 'leaving';
  if (slot === undefined) return 'unassigned';
  if (endpoint.phase === 'gate') return 'gated';
  return haproxy === 'UP' ? 'serving' : 'down';
}

/** A registration's id begins with its allocation's: `_nomad-task-<uuid>-group-web-web-http`. */
function allocationIn(id: string): string | undefined {
  return /^_nomad-task-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-/.exec(id)?.[1];
}
