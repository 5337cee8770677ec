import equal from 'fast-deep-equal';

import { allocationOf, isLeaving, isOver } from '../../observe/catalog/model/allocation.js';
import type { Binding, SlotConfig } from '../../haproxy/slots.js';
import type { ActualBackend, ActualSlot, OtherServer } from '../../actual/types.js';
import { withCanaryMap } from '../../desired/canary.js';
import type { DesiredBackend, Endpoint } from '../../desired/types.js';
import { isObject, type JsonObject } from '../../shared/json.js';
import type { AllocationFacts } from '../../observe/types.js';
import { adoptedServers, takenOver } from '../complete/adopt.js';
import { canaryEntries } from '../complete/canaries.js';
import { checkFieldsOf } from '../complete/check-fields.js';
import {
  type CheckEntries,
  checkEntries,
  type CheckFiles,
  resolveChecks,
} from '../complete/check-lookups.js';
import type { Entries } from './entries.js';
import { beforeOf, planSlotSteps } from './slot-steps.js';
import { assignSlots, type SlotsInput } from './slots.js';
import type { PlannedSlot, ReloadReason, Step } from '../types.js';

export interface BackendContext {
  readonly slots: Pick<
    SlotsInput,
    'held' | 'isGone' | 'mayRun' | 'idle' | 'now' | 'drainTimeoutSeconds' | 'settings'
  >;
  /** The pass reloads HAProxy anyway: sizes may be put right at no further cost. */
  readonly reloadsAnyway: boolean;
  /** `--adopt`: what stands there of the original connector's is taken over. */
  readonly adopt: boolean;
  /** Servers of the backend that this one takes the place of. */
  readonly replaced: (service: string) => readonly OtherServer[];
  readonly checkFiles: CheckFiles;
  readonly checkEntries: CheckEntries;
  readonly canaryFile: string;
  readonly canaryEntries: Entries;
}

export interface BackendPlan {
  readonly steps: readonly Step[];
  /** What goes into the generation marker's hash. */
  readonly structure: JsonObject;
  /** Entries of the check maps, by server name. */
  readonly checks: CheckEntries;
  /** Entries of the map of canaries; undefined where none are looked up. */
  readonly canaries?: Entries | undefined;
}

/** One dynamic backend: made, written again, or its slots filled and emptied. */
export function planBackend(
  desired: DesiredBackend,
  actual: ActualBackend | undefined,
  context: BackendContext,
): BackendPlan {
  const lookups = { ...desired, section: withCanaryMap(desired.section, context.canaryFile) };
  const checked = resolveChecks(lookups, actual?.section, context.checkFiles);
  const section = sectionOf({ ...desired, section: checked.section }, actual);
  const changes = changesOf(actual, section);
  const before = actual?.slots ?? [];
  const sticky = section['cookie'] !== undefined;
  const input = { ...slotsInput(desired, before, context), sticky };
  let slots = assignSlots({ ...input, structural: changes.length > 0 || context.reloadsAnyway });
  const resized = !equal(slots.map(nameOf), before.map(nameOf));
  if (resized) slots = assignSlots({ ...input, structural: true });
  const common = {
    structure: structureOf(desired.name, section, slots),
    checks: checkEntries(checked, slots, context.checkEntries),
    canaries: canaryEntries(desired, section, slots, context.canaryEntries),
  };
  const foreign = [...(actual?.others ?? []), ...context.replaced(desired.service)];
  if (foreign.length > 0) slots = takenOver(slots, foreign);
  if (actual !== undefined && changes.length === 0 && !resized) {
    return { ...common, steps: planSlotSteps(desired, before, slots) };
  }
  return { ...common, steps: [structuralStep(desired, actual, { section, slots, changes })] };
}

/** A backend that isn't ours, yet, is written whole. */
function changesOf(actual: ActualBackend | undefined, section: JsonObject): string[] {
  if (actual === undefined) return [];
  return actual.ours ? sectionChanges(actual.section, section) : ['taken over whole'];
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

/** Our servers in a backend of the operator's; nothing else there is ours to touch. */
export function planCustomBackend(
  desired: DesiredBackend,
  actual: ActualBackend,
  context: BackendContext,
): BackendPlan {
  const before = actual.slots.filter(({ service }) => service === desired.service);
  const input = slotsInput(desired, before, context);
  const legacy = adoptedServers(desired, actual, context.adopt);
  const slots = takenOver(
    assignSlots({ ...input, structural: context.reloadsAnyway }).map(asShared),
    legacy,
  );
  const checked = before.find((slot) => slot.fields['check'] === 'enabled');
  const fields = (desired.keepCheck ? checked?.fields : undefined) ?? desired.serverFields;
  const wanted = new Set(slots.map(({ name }) => name));
  const existing = new Map(before.map((slot) => [slot.name, slot]));
  const base = { backend: desired.name, route: 'transaction', reload: 'custom-servers' } as const;
  const reason = `servers of ${desired.service} in backend ${desired.name}`;
  const structural = slots.flatMap((slot): Step[] => {
    const old = existing.get(slot.name);
    if (old === undefined) {
      const summary = desired.checkSummary;
      return [{ kind: 'create-server', ...base, reason, slot, fields, summary }];
    }
    if (equal(old.fields, fields)) return [];
    return [{ kind: 'replace-server', ...base, reason, slot, fields, before: beforeOf(old) }];
  });
  const replaced = new Set(structural.flatMap((s) => ('slot' in s ? [s.slot.name] : [])));
  const kept = slots.filter(({ name }) => existing.has(name) && !replaced.has(name));
  return {
    structure: structureOf(desired.name, { servers: fields }, slots),
    checks: { paths: {}, hosts: {} },
    steps: [
      ...planSlotSteps(desired, before, kept),
      ...structural,
      ...before.filter(({ name }) => !wanted.has(name)).map((slot) => deletion(desired.name, slot)),
      ...legacy.map((server) => adoptedDeletion(desired, server)),
    ],
  };
}

function asShared(slot: PlannedSlot): PlannedSlot {
  return { ...slot, shared: true };
}

function adoptedDeletion({ name, service }: DesiredBackend, server: OtherServer): Step {
  const { address, port } = server;
  const config = { address, port, disabled: false, weight: 1 };
  return {
    kind: 'delete-server',
    route: 'transaction',
    reload: 'custom-servers',
    reason: `adopted server ${server.name} of backend ${name}`,
    backend: name,
    before: { name: server.name, binding: { id: server.name, createIndex: 0 }, config },
    service,
  };
}

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

function hasCheck(section: JsonObject): boolean {
  const server = section['default_server'];
  return isObject(server) && server['check'] === 'enabled';
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

export function deletion(backend: string, slot: ActualSlot): Step {
  return {
    kind: 'delete-server',
    route: 'transaction',
    reload: 'custom-servers',
    reason: `servers of ${slot.service} in backend ${backend}`,
    backend,
    before: beforeOf(slot),
    service: slot.service,
  };
}

function slotsInput(
  desired: DesiredBackend,
  slots: readonly ActualSlot[],
  context: BackendContext,
): Omit<SlotsInput, 'structural'> {
  return {
    prefix: desired.slotPrefix,
    service: desired.service,
    slots,
    endpoints: desired.endpoints,
    ...(desired.expected === undefined ? {} : { expected: desired.expected }),
    hasCheck: desired.hasCheck,
    keepCheck: desired.keepCheck,
    ...context.slots,
  };
}

/** A job spec that can't be read must not rewrite a check that works; none at all is not one. */
function sectionOf(desired: DesiredBackend, actual: ActualBackend | undefined): JsonObject {
  const keeps = desired.keepCheck && actual?.ours === true && hasCheck(actual.section);
  if (!keeps) return desired.section;
  return checkFieldsOf(desired.section, actual.section);
}

function structuralStep(
  desired: DesiredBackend,
  actual: ActualBackend | undefined,
  planned: {
    readonly section: JsonObject;
    readonly slots: readonly PlannedSlot[];
    readonly changes: readonly string[];
  },
): Step {
  const { section, slots, changes } = planned;
  const common = {
    route: 'transaction',
    backend: desired.name,
    service: desired.service,
    section,
    slots,
    summary: desired.checkSummary,
  } as const;
  if (actual === undefined) {
    const reason = `new backend ${desired.name}`;
    return { kind: 'create-backend', ...common, reload: 'new-backend', reason };
  }
  const reload: ReloadReason = changes.length > 0 ? 'changed-backend' : 'more-slots';
  const what = changes.length > 0 ? 'changed' : 'slots of';
  const before = actual.slots.map(beforeOf);
  const reason = `${what} backend ${desired.name}`;
  return { kind: 'replace-backend', ...common, changes, before, reload, reason };
}

/** Only names of slots count: what is in them changes without a reload. */
function structureOf(name: string, section: JsonObject, slots: readonly PlannedSlot[]): JsonObject {
  return { name, section, slots: slots.map((slot) => slot.name) };
}

/** `adv_check: tcp-check -> httpchk`, one line for each field that differs. */
function sectionChanges(actual: JsonObject, wanted: JsonObject): string[] {
  const keys = [...new Set([...Object.keys(actual), ...Object.keys(wanted)])].sort();
  return keys
    .filter((key) => !equal(actual[key], wanted[key]))
    .map((key) => `${key}: ${brief(actual[key])} -> ${brief(wanted[key])}`);
}

function brief(value: unknown): string {
  if (value === undefined) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
