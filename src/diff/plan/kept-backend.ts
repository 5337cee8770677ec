import type { ActualBackend, ActualSlot } from '../../actual/types.js';
import { type Binding, ownCheckPort, type SlotConfig } from '../../haproxy/slots.js';
import { allocationOf, isLeaving, isOver } from '../../observe/catalog/model/allocation.js';
import { asksForCanaries } from '../../desired/canary.js';
import { usualWeight } from '../../desired/members.js';
import type { DesiredBackend, Endpoint, KeptEndpoint, KeptService } from '../../desired/types.js';
import type { AllocationFacts } from '../../observe/types.js';
import { hasCheck } from './backend-plan.js';
import { type CheckFiles, checkLookups } from '../complete/check-lookups.js';
import type { Standing } from './skipped.js';

/**
 * Plans a skipped service: the last good section, or our servers' last good fields, with its
 * current instances. If these are unknown, the bound ones stay.
 */
export function keptBackend(
  { backend, service }: Standing,
  kept: KeptService | undefined,
  allocations: Readonly<Record<string, AllocationFacts>>,
  files: CheckFiles,
): DesiredBackend {
  const standing = backend.ours
    ? asItStands(backend, allocations)
    : serversAsTheyStand(backend, service, allocations);
  if (kept === undefined) return standing;
  const slots = backend.slots.filter((slot) => slot.service === service);
  const usual = usualWeight[standing.kind];
  const { endpoints, expected, scalesTo, canaries } = kept;
  // Requests with the canary header reach it regardless of its weight.
  const byHeader = new Set(asksForCanaries(standing.section) ? canaries : []);
  const weightAt = ({ id }: KeptEndpoint) => (byHeader.has(id) ? 0 : usual);
  return {
    ...onStandingSection({ ...standing, ...lookedUp(kept) }, backend, files),
    endpoints: endpoints.map((one) => endpointAt(one, slots, weightAt(one))),
    ...(expected === undefined ? {} : { expected }),
    ...(scalesTo === undefined ? {} : { scalesTo }),
    ...(canaries === undefined ? {} : { canaries }),
  };
}

/** The desired backend, with its section as read from HAProxy. */
export function onStandingSection(
  { checkPaths, checkHosts, ...desired }: DesiredBackend,
  { section }: ActualBackend,
  files: CheckFiles,
): DesiredBackend {
  const looksUp = checkLookups(section, files);
  return {
    ...desired,
    section,
    ...(desired.kind === 'dynamic' ? { keepCheck: false, hasCheck: hasCheck(section) } : {}),
    ...(looksUp.path && checkPaths !== undefined ? { checkPaths } : {}),
    ...(looksUp.host && checkHosts !== undefined ? { checkHosts } : {}),
  };
}

function lookedUp({ checkPaths, checkHosts }: KeptService) {
  return {
    ...(checkPaths === undefined ? {} : { checkPaths }),
    ...(checkHosts === undefined ? {} : { checkHosts }),
  };
}

function endpointAt(
  { unread = [], ...endpoint }: KeptEndpoint,
  slots: readonly ActualSlot[],
  usual: number,
): Endpoint {
  const bound = slots.filter(({ binding }) => binding !== undefined);
  const own = bound.find(({ binding }) => binding?.id === endpoint.id);
  const asked = endpoint.isUsualWeight === true ? usual : endpoint.weight;
  const checkPort = unread.includes('checkPort') ? standingCheckPort(own, bound) : undefined;
  return {
    ...endpoint,
    weight: unread.includes('weight') ? standingWeight(own, bound, usual) : asked,
    ...(checkPort === undefined ? {} : { checkPort }),
  };
}

/** Its own weight, otherwise its neighbours' highest: canaries and excluded servers have less. */
function standingWeight(
  own: ActualSlot | undefined,
  bound: readonly ActualSlot[],
  usual: number,
): number {
  if (own !== undefined) return own.config.weight;
  if (usual === 0 || bound.length === 0) return usual;
  return Math.max(...bound.map(({ config }) => config.weight));
}

/** Its own check port, otherwise the one all its neighbours share. */
function standingCheckPort(own: ActualSlot | undefined, bound: readonly ActualSlot[]) {
  const apart = (own === undefined ? bound : [own]).map(({ config }) => ownCheckPort(config));
  const [first] = apart;
  return apart.every((port) => port === first) ? first : undefined;
}

/**
 * Keeps a backend of ours with its instances, except those whose allocation is known to be leaving.
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

/** The same for a service's servers in an operator's backend. */
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
  { id, createIndex, job, drainingSince }: Binding,
  { address, port, checkPort, weight, disabled }: SlotConfig,
  allocation: AllocationFacts | undefined,
): Endpoint {
  const phase = isLeaving(allocation) || drainingSince !== undefined ? 'drain' : 'serve';
  return {
    id,
    createIndex,
    ...(job === undefined ? {} : { job }),
    address,
    port,
    ...(checkPort === undefined ? {} : { checkPort }),
    weight,
    phase: phase === 'serve' && disabled ? 'gate' : phase,
    terminal: allocation !== undefined && isOver(allocation),
  };
}
