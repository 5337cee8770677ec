import { type Binding, ownCheckPort, parking, slotName, slotNumber } from '../../haproxy/slots.js';
import type { ActualSlot } from '../../actual/types.js';
import type { SlotSettings } from '../../config/types.js';
import type { Endpoint } from '../../desired/types.js';
import type { PlannedSlot } from '../types.js';

export interface SlotsInput {
  readonly prefix: string;
  readonly service: string;
  readonly slots: readonly ActualSlot[];
  readonly endpoints: readonly Endpoint[];
  /** Instances that are yet to come are counted in whenever slots are made. */
  readonly expected?: number | undefined;
  /** Instances that the jobs may be scaled to. */
  readonly scalesTo?: number | undefined;
  readonly hasCheck: boolean;
  /** Clients hold cookies of servers. */
  readonly sticky?: boolean | undefined;
  /** What is checked can't be known now: a check on another port stays on that port. */
  readonly keepCheck?: boolean;
  /** Instance ids that the guard keeps bound although they are absent. */
  readonly held: ReadonlySet<string>;
  /** Whether an instance's allocation runs no more: nothing is gained by keeping it. */
  readonly isGone: (id: string) => boolean;
  /** Whether Nomad knows its allocation: its address can't be another's while that isn't over. */
  readonly mayRun?: ((id: string) => boolean) | undefined;
  /** Names of draining slots without a request in flight. */
  readonly idle: ReadonlySet<string>;
  /** Unix seconds. */
  readonly now: number;
  readonly drainTimeoutSeconds: number;
  readonly settings: SlotSettings;
  /** The backend is written whole in this pass anyway, so its size may be put right. */
  readonly structural: boolean;
}

/**
 * Binds instances to slots: a pure, stable assignment.
 *
 * | slot is bound to | it will |
 * |---|---|
 * | an instance that serves | serve it, with its present address and weight |
 * | an instance that waits (allocation pending) | keep it, without traffic |
 * | an instance whose host name can't be resolved | keep the address that it has |
 * | an instance that stops, or is absent | drain; be free when idle or at the deadline |
 * | an absent instance that the guard holds | stay as it is |
 * | nothing | take the next new instance |
 */
export function assignSlots(given: SlotsInput): readonly PlannedSlot[] {
  if (given.slots.length === 0) return newSlots(given);
  const own = given.slots.filter(({ name }) => isSlotOf(given.prefix, name));
  const input = own.length === given.slots.length ? given : { ...given, slots: own };
  const wanted = new Map(input.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const lastServing = findLastServing(input, wanted);
  const homes = homesOf(input.slots);
  const kept = input.slots.map((slot) => {
    const isCopy = slot.binding !== undefined && homes.get(slot.binding.id) !== slot.name;
    return isCopy ? drained(slot, input) : planBound(slot, wanted, lastServing, input);
  });
  const bound = new Set<string>();
  for (const { binding } of kept) if (binding !== undefined) bound.add(binding.id);
  const fresh = input.endpoints.filter((one) => wantsSlot(one) && !bound.has(one.id));
  const placed = fresh.length === 0 ? inOrder(kept) : placeFresh(input, kept, fresh);
  return resize(input, placed, fresh.length > freeCount(kept));
}

/** Of a backend that has none. */
function newSlots(input: SlotsInput): readonly PlannedSlot[] {
  const fresh = input.endpoints.filter(wantsSlot);
  const size = Math.max(usualSize(input, input.settings), fresh.length);
  const slots: PlannedSlot[] = [];
  for (let at = 0; at < size; at++) {
    const name = slotName(input.prefix, at + 1);
    const endpoint = fresh[at];
    slots.push(endpoint === undefined ? parked(input, name) : bindTo(input, name, endpoint));
  }
  return slots;
}

function wantsSlot({ phase, unresolved }: Endpoint): boolean {
  return phase !== 'drain' && unresolved !== true;
}

/** `nomad_web_01` and servers of other names are none. */
function isSlotOf(prefix: string, name: string): boolean {
  const number = slotNumber(name);
  return number !== undefined && name === slotName(prefix, number);
}

/** The one slot of each instance: where hands made copies, the first that doesn't drain. */
function homesOf(slots: readonly ActualSlot[]): ReadonlyMap<string, string> {
  const homes = new Map<string, string>();
  for (const isDraining of [false, true]) {
    for (const { name, binding } of slots) {
      if (binding === undefined || homes.has(binding.id)) continue;
      if ((binding.drainingSince !== undefined) === isDraining) homes.set(binding.id, name);
    }
  }
  return homes;
}

function planBound(
  slot: ActualSlot,
  wanted: ReadonlyMap<string, Endpoint>,
  lastServing: string | undefined,
  input: SlotsInput,
): PlannedSlot {
  const { binding } = slot;
  if (binding === undefined) return parked(input, slot.name);
  const endpoint = wanted.get(binding.id);
  if (endpoint !== undefined && endpoint.phase !== 'drain') {
    return bindTo(input, slot.name, endpoint, slot);
  }
  if (slot.name === lastServing || (endpoint === undefined && input.held.has(binding.id))) {
    return asItIs(slot);
  }
  return drained(slot, input);
}

function asItIs(slot: ActualSlot): PlannedSlot {
  const { name, service, binding, config } = slot;
  const admin = config.disabled ? (binding ? 'drain' : 'maint') : 'ready';
  return { name, service, ...(binding ? { binding } : {}), config, admin };
}

function bindTo(
  input: SlotsInput,
  name: string,
  endpoint: Endpoint,
  before?: ActualSlot,
): PlannedSlot {
  const { id, createIndex, job, port, weight, phase, unresolved } = endpoint;
  const address = unresolved === true ? (before?.config.address ?? '') : endpoint.address;
  const checkPort =
    endpoint.checkPort ??
    (input.keepCheck === true && before !== undefined ? ownCheckPort(before.config) : undefined);
  return {
    name,
    service: input.service,
    binding: job === undefined ? { id, createIndex } : { id, createIndex, job },
    config: {
      address,
      port,
      disabled: phase !== 'serve',
      weight,
      // Always said: HAProxy would go on checking the port of the slot's last instance.
      ...(input.hasCheck ? { checkPort: checkPort ?? port } : {}),
    },
    admin: phase === 'serve' ? 'ready' : 'drain',
  };
}

function drained(slot: ActualSlot, input: SlotsInput): PlannedSlot {
  const { binding, config, name, service } = slot;
  if (binding === undefined) return parked(input, name);
  // A clock that was set back: the drain begins anew by the one that there is now.
  const since = Math.min(binding.drainingSince ?? input.now, input.now);
  const started = binding.drainingSince !== undefined;
  const over = input.now - since >= input.drainTimeoutSeconds;
  if (started && (over || input.idle.has(name))) return parked(input, name);
  return {
    name,
    service,
    binding: { ...binding, drainingSince: since },
    config: { ...config, disabled: true },
    // A cookie leads to a server that drains all the same, but to none in maintenance.
    admin: input.sticky === true ? 'maint' : 'drain',
  };
}

function parked(input: SlotsInput, name: string): PlannedSlot {
  return { name, service: input.service, config: parking, admin: 'maint' };
}

/**
 * The last instance that serves is not drained while its replacement has yet to pass its check, or to
 * come or run while Nomad knows the old allocation: nobody would answer. Once that is over, or no job
 * asks for an instance, it goes whatever.
 */
function findLastServing(
  input: SlotsInput,
  wanted: ReadonlyMap<string, Endpoint>,
): string | undefined {
  const serves = (slot: ActualSlot): boolean =>
    slot.runtime?.admin === 'ready' && slot.runtime.operational === 'up' && !slot.config.disabled;
  const stays = ({ id }: Binding): boolean => wanted.get(id)?.phase === 'serve';
  if (input.slots.every(({ binding }) => binding === undefined || stays(binding))) return undefined;
  const up = input.slots.filter((slot) => slot.binding !== undefined && serves(slot));
  const replacement = input.endpoints.some(({ phase }) => phase === 'serve');
  const comes = input.endpoints.some(({ phase }) => phase === 'gate') || (input.expected ?? 0) > 0;
  const stayUp = up.some(({ binding }) => binding !== undefined && stays(binding));
  if (!(replacement || comes) || stayUp) return undefined;
  const leaving = up.filter(({ binding }) => {
    const id = binding?.id ?? '';
    if (wanted.get(id)?.terminal === true || input.isGone(id)) return false;
    return replacement || input.mayRun?.(id) === true;
  });
  return leaving[0]?.name;
}

/** Slots that were free already come first: one that is freed now may still be closing. */
function placeFresh(
  input: SlotsInput,
  kept: readonly PlannedSlot[],
  fresh: readonly Endpoint[],
): PlannedSlot[] {
  const wasBound = new Set(input.slots.flatMap((slot) => (slot.binding ? [slot.name] : [])));
  const free = kept.filter((slot) => slot.binding === undefined);
  const order = [
    ...free.filter((slot) => !wasBound.has(slot.name)),
    ...free.filter((slot) => wasBound.has(slot.name)),
  ].map((slot) => slot.name);
  const numbers = unusedNumbers(input.slots, Math.max(0, fresh.length - order.length));
  const names = [...order, ...numbers.map((number) => slotName(input.prefix, number))];
  const placed = new Map(kept.map((slot) => [slot.name, slot]));
  fresh.forEach((endpoint, at) => {
    const name = names[at] ?? '';
    placed.set(name, bindTo(input, name, endpoint));
  });
  return inOrder([...placed.values()]);
}

/** Most are in order: HAProxy lists them as they were written. */
function inOrder(slots: PlannedSlot[]): PlannedSlot[] {
  const isInOrder = slots.every((slot, at) => {
    const before = slots[at - 1];
    return before === undefined || bySlotNumber(before, slot) <= 0;
  });
  return isInOrder ? slots : slots.sort(bySlotNumber);
}

function freeCount(slots: readonly PlannedSlot[]): number {
  return slots.filter((slot) => slot.binding === undefined).length;
}

function unusedNumbers(slots: readonly ActualSlot[], count: number): number[] {
  const used = new Set(slots.map((slot) => slotNumber(slot.name)));
  const numbers: number[] = [];
  for (let number = 1; numbers.length < count; number++) {
    if (!used.has(number)) numbers.push(number);
  }
  return numbers;
}

function bySlotNumber(a: PlannedSlot, b: PlannedSlot): number {
  return (slotNumber(a.name) ?? 0) - (slotNumber(b.name) ?? 0);
}

/** As many slots as instances, and spares: a rolling deploy of any shape then needs no reload. */
export function idealSize(instances: number, settings: SlotSettings): number {
  const { spareMin, spareFactor, most = Infinity } = settings;
  const ideal = instances + Math.max(spareMin, Math.ceil(instances * spareFactor));
  return Math.max(instances, Math.min(ideal, most));
}

type Sizes = Pick<SlotsInput, 'endpoints' | 'expected' | 'scalesTo'>;

/** With room for what the jobs ask for, and for what they may be scaled to. */
export function usualSize(
  { endpoints, expected = 0, scalesTo = 0 }: Sizes,
  settings: SlotSettings,
): number {
  const { most = Infinity } = settings;
  const present = endpoints.filter(({ phase }) => phase !== 'drain').length;
  const ideal = Math.max(idealSize(Math.max(present, expected), settings), scalesTo);
  return Math.max(present, Math.min(ideal, most));
}

/** What its instances take: a slot keeps its number, and numbers have no holes. */
export function neededSize(
  slots: readonly Pick<ActualSlot, 'name' | 'binding'>[],
  endpoints: readonly Endpoint[],
): number {
  const inUse = slots.filter(({ binding }) => binding !== undefined);
  const bound = new Set(inUse.map(({ binding }) => binding?.id));
  const fresh = endpoints.filter((one) => wantsSlot(one) && !bound.has(one.id));
  return Math.max(highestOf(inUse), inUse.length + fresh.length);
}

function highestOf(slots: readonly { readonly name: string }[]): number {
  return slots.reduce((most, { name }) => Math.max(most, slotNumber(name) ?? 0), 0);
}

/**
 * Holes are always filled. Growing costs a reload, so it is done ahead of need: when a job asks for
 * more, before its instances are there, and with any other reload.
 */
function resize(
  input: SlotsInput,
  placed: readonly PlannedSlot[],
  grows: boolean,
): readonly PlannedSlot[] {
  const highest = highestOf(placed);
  const highestInUse = highestOf(placed.filter((slot) => slot.binding !== undefined));
  const free = input.structural || grows || placed.length === 0 || askedFor(input) > highest;
  const size = free ? Math.max(usualSize(input, input.settings), highestInUse) : highest;
  // Numbers have no holes, as a rule.
  if (highest === placed.length && size === highest) return placed;
  const byName = new Map(placed.map((slot) => [slot.name, slot]));
  return Array.from({ length: size }, (_, at) => {
    const name = slotName(input.prefix, at + 1);
    return byName.get(name) ?? parked(input, name);
  });
}

/** What a job may be scaled to is no reason for a reload of its own: that could go to and fro. */
function askedFor({ expected = 0, settings }: SlotsInput): number {
  return Math.min(expected, settings.most ?? Infinity);
}
