import type { ActualBackend, ActualSlot, OtherServer, RuntimeServer } from '../actual/types.js';
import { formatAddress } from '../haproxy/addresses.js';
import { allocationOf } from '../observe/catalog/model/allocation.js';
import { own } from './own.js';
import type { BackendExplained, CheckResult, Seen, ServerExplained, ServerState } from './types.js';

/** A backend's servers on disk and in the process; free slots are only counted. */
export function explainBackend(name: string, { picture, checks }: Seen): BackendExplained {
  const backend = own(picture.actual.backends, name);
  if (backend === undefined) {
    return { name, owner: 'connector', exists: false, servers: [], free: 0 };
  }
  const checkOf = (server: string): CheckResult | undefined => own(checks, `${name}/${server}`);
  const bound = backend.slots.filter(({ binding }) => binding !== undefined);
  return {
    name,
    owner: ownerOf(backend),
    exists: true,
    servers: [
      ...bound.map((slot) => ofSlot(slot, checkOf(slot.name))),
      ...(backend.others ?? []).map((other) => ofOther(other, checkOf(other.name))),
    ],
    free: backend.slots.length - bound.length,
  };
}

function ownerOf({ ours, slots }: ActualBackend): BackendExplained['owner'] {
  if (ours) return 'connector';
  return slots.length > 0 ? 'shared' : 'operator';
}

function ofSlot(
  { name, service, binding, config, runtime }: ActualSlot,
  check: CheckResult | undefined,
): ServerExplained {
  const allocation = binding === undefined ? '' : allocationOf(binding.id);
  const since = binding?.drainingSince;
  return {
    ...{ name, owner: 'connector', service, state: stateOf(runtime) },
    ...(binding === undefined ? {} : { instance: binding.id }),
    ...(allocation === '' ? {} : { allocation }),
    disk: {
      address: formatAddress(config.address, config.port),
      weight: config.weight,
      disabled: config.disabled,
    },
    ...processOf(runtime),
    ...(check === undefined ? {} : { check }),
    ...(since === undefined ? {} : { drainingSince: since }),
  };
}

function ofOther(
  { name, address, port, weight = 1, runtime }: OtherServer,
  check: CheckResult | undefined,
): ServerExplained {
  return {
    ...{ name, owner: 'operator', state: stateOf(runtime) },
    disk: { address: formatAddress(address, port), weight, disabled: false },
    ...processOf(runtime),
    ...(check === undefined ? {} : { check }),
  };
}

function stateOf(runtime: RuntimeServer | undefined): ServerState {
  if (runtime === undefined) return 'unloaded';
  if (runtime.admin === 'maint') return 'maint';
  if (runtime.admin === 'drain' || runtime.operational === 'stopping') return 'drain';
  return runtime.operational === 'up' ? 'up' : 'down';
}

function processOf(runtime: RuntimeServer | undefined): Pick<ServerExplained, 'process'> {
  if (runtime === undefined) return {};
  const { address, port, admin, operational } = runtime;
  return { process: { address: formatAddress(address, port), admin, health: operational } };
}
