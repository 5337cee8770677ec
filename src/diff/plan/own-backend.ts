import equal from 'fast-deep-equal';

import type { ActualBackend } from '../../actual/types.js';
import { withCanaryMap } from '../../desired/canary.js';
import type { DesiredBackend } from '../../desired/types.js';
import type { JsonObject } from '../../shared/json.js';
import { takenOver } from '../complete/adopt.js';
import {
  type BackendContext,
  type BackendPlan,
  hasCheck,
  slotsInput,
  stayingIds,
  structureOf,
} from './backend-plan.js';
import { canaryEntries } from '../complete/canaries.js';
import { checkFieldsOf } from '../complete/check-fields.js';
import { checkEntries, resolveChecks } from '../complete/check-lookups.js';
import { withPeers } from '../complete/peers.js';
import { beforeOf, planSlotSteps } from './slot-steps.js';
import { assignSlots } from './slots.js';
import type { PlannedSlot, ReloadReason, Step } from '../types.js';

/** Plans a dynamic backend: create, rewrite, or only change its slots. */
export function planBackend(
  desired: DesiredBackend,
  actual: ActualBackend | undefined,
  context: BackendContext,
): BackendPlan {
  const shared = withPeers(desired.section, context.peers);
  const withCanaries = withCanaryMap(shared, context.canaryFile);
  const checked = resolveChecks(desired, withCanaries, actual?.section, context.checkFiles);
  const section = sectionOf(desired.keepCheck, checked.section, actual);
  const changes = changesOf(actual, section);
  const before = actual?.slots ?? [];
  const sticky = section['cookie'] !== undefined;
  const structural = actual === undefined || changes.length > 0 || context.reloadsAnyway;
  const input = slotsInput(desired, before, context, { sticky, structural });
  let slots = assignSlots(input);
  const resized = !haveSameNames(slots, before);
  if (resized && !structural) slots = assignSlots({ ...input, structural: true });
  const common = {
    staying: stayingIds(desired),
    structure: structureOf(desired.name, section, slots),
    checks: checkEntries(checked, slots, context.checkEntries),
    canaries: canaryEntries(desired, section, slots, context.canaryEntries),
  };
  const foreign = [...(actual?.others ?? []), ...context.replaced(desired.service)];
  if (foreign.length > 0) slots = takenOver(slots, foreign);
  if (actual !== undefined && changes.length === 0 && !resized) {
    return { steps: planSlotSteps(desired, before, slots), ...common };
  }
  return { steps: [structuralStep(desired, actual, { section, slots, changes })], ...common };
}

/** A backend that isn't ours yet is written whole. */
function changesOf(actual: ActualBackend | undefined, section: JsonObject): string[] {
  if (actual === undefined) return [];
  return actual.ours ? sectionChanges(actual.section, section) : ['taken over'];
}

interface Named {
  readonly name: string;
}

function haveSameNames(some: readonly Named[], others: readonly Named[]): boolean {
  return some.length === others.length && some.every(({ name }, at) => name === others[at]?.name);
}

/** An unreadable job spec must not replace a working check. */
function sectionOf(
  keepCheck: boolean,
  section: JsonObject,
  actual: ActualBackend | undefined,
): JsonObject {
  const keeps = keepCheck && actual?.ours === true && hasCheck(actual.section);
  return keeps ? checkFieldsOf(section, actual.section) : section;
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

/** `adv_check: tcp-check -> httpchk`, one line per changed field. */
function sectionChanges(actual: JsonObject, wanted: JsonObject): string[] {
  if (actual === wanted) return [];
  const keys = [...new Set([...Object.keys(actual), ...Object.keys(wanted)])].sort();
  return keys
    .filter((key) => !equal(actual[key], wanted[key]))
    .map((key) => `${key}: ${brief(actual[key])} -> ${brief(wanted[key])}`);
}

function brief(value: unknown): string {
  if (value === undefined) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
