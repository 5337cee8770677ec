import equal from 'fast-deep-equal';

import type { ActualBackend, OtherServer } from '../../actual/types.js';
import type { DesiredBackend } from '../../desired/types.js';
import { adoptedServers, takenOver } from '../complete/adopt.js';
import {
  type BackendContext,
  type BackendPlan,
  deletion,
  slotsInput,
  stayingIds,
  structureOf,
} from './backend-plan.js';
import { beforeOf, planSlotSteps } from './slot-steps.js';
import { assignSlots } from './slots.js';
import type { PlannedSlot, Step } from '../types.js';

/** Plans our servers in an operator's backend. Nothing else there is touched. */
export function planCustomBackend(
  desired: DesiredBackend,
  actual: ActualBackend,
  context: BackendContext,
): BackendPlan {
  const before = actual.slots.filter(({ service }) => service === desired.service);
  const structural = context.reloadsAnyway && context.policy === 'sync';
  const input = slotsInput(desired, before, context, { structural });
  const legacy = adoptedServers(desired, actual, context.adopt);
  const slots = takenOver(assignSlots(input).map(asShared), legacy);
  const checked = before.find((slot) => slot.fields['check'] === 'enabled');
  const fields = (desired.keepCheck ? checked?.fields : undefined) ?? desired.serverFields;
  const wanted = new Set(slots.map(({ name }) => name));
  const existing = new Map(before.map((slot) => [slot.name, slot]));
  const base = { backend: desired.name, route: 'transaction', reload: 'custom-servers' } as const;
  const reason = `servers of ${desired.service} in backend ${desired.name}`;
  const changes = slots.flatMap((slot): Step[] => {
    const old = existing.get(slot.name);
    if (old === undefined) {
      const summary = desired.checkSummary;
      return [{ kind: 'create-server', ...base, reason, slot, fields, summary }];
    }
    if (equal(old.fields, fields) || context.policy === 'create-only') return [];
    return [{ kind: 'replace-server', ...base, reason, slot, fields, before: beforeOf(old) }];
  });
  const replaced = new Set(changes.flatMap((s) => ('slot' in s ? [s.slot.name] : [])));
  const kept = slots.filter(({ name }) => existing.has(name) && !replaced.has(name));
  return {
    staying: stayingIds(desired),
    structure: structureOf(desired.name, { servers: fields }, slots),
    checks: { paths: {}, hosts: {} },
    steps: [
      ...planSlotSteps(desired, before, kept),
      ...changes,
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
