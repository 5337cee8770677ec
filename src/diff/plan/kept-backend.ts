import { allocationOf, isLeaving, isOver } from '../../observe/catalog/model/allocation.js';
import type { Binding, SlotConfig } from '../../haproxy/slots.js';
import type { ActualBackend } from '../../actual/types.js';
import type { DesiredBackend, Endpoint } from '../../desired/types.js';
import type { AllocationFacts } from '../../observe/types.js';
import { hasCheck } from './backend-plan.js';

/**
 * A backend of ours to be kept with the instances that it has, except those whose allocation was
 * positively read as leaving.
 */
export function asItStands(
  { name, section, service = name, slots }: ActualBackend,
  allocations: Readonly<Record<string, AllocationFacts>>,
): DesiredBackend {
  return {
    kind: 'dynamic',
    name,
    service,
    slotPrefix: name,
    section,
    serverFields: {},
    keepCheck: false,
    hasCheck: hasCheck(section),
    checkSummary: '',
    origins: {},
    endpoints: slots.flatMap(({ binding, config }) =>
      binding === undefined
        ? []
        : [endpointOf(binding, config, allocations[allocationOf(binding.id)])],
    ),
    strategy: 'use_existing',
    fingerprint: '',
  };
}

/** The same for a service's servers in the operator's backend. */
export function serversAsTheyStand(
  backend: ActualBackend,
  service: string,
  allocations: Readonly<Record<string, AllocationFacts>>,
): DesiredBackend {
  const slots = backend.slots.filter((slot) => slot.service === service);
  const [first] = slots;
  return {
    ...asItStands({ ...backend, service, slots }, allocations),
    kind: 'custom',
    slotPrefix: first?.name.replace(/_[0-9]+$/, '') ?? backend.name,
    serverFields: first?.fields ?? {},
    hasCheck: first?.fields['check'] === 'enabled',
  };
}

function endpointOf(
  { id, createIndex, drainingSince }: Binding,
  { address, port, checkPort, weight, disabled }: SlotConfig,
  allocation: AllocationFacts | undefined,
): Endpoint {
  const phase = isLeaving(allocation) || drainingSince !== undefined ? 'drain' : 'serve';
  return {
    id,
    createIndex,
    address,
    port,
    ...(checkPort === undefined ? {} : { checkPort }),
    weight,
    phase: phase === 'serve' && disabled ? 'gate' : phase,
    terminal: allocation !== undefined && isOver(allocation),
  };
}
