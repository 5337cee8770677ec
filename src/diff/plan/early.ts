import type { ActualSlot, ActualState } from '../../actual/types.js';
import { allocationOf, isLeaving } from '../../observe/catalog/model/allocation.js';
import type { Catalog } from '../../observe/types.js';
import { stepIs } from '../dispatch.js';
import { runThrough } from '../../shared/slices.js';
import type { SlotStep } from '../types.js';
import { contextOf } from './backend-context.js';
import { planBackends } from './backends.js';
import { withoutConflicts } from './conflicts.js';
import type { PlanInput } from './input.js';
import { newPlanMemory } from './memory.js';
import { withBareRecords } from './plan.js';
import { hasRoom } from './server-limit.js';

/**
 * Slots that get traffic although the allocation of their instance was read as stopping or over. The
 * guard never holds those, see guard.ts; an absence without that evidence waits for the whole plan.
 */
export function leavingSlots(
  { backends }: Pick<ActualState, 'backends'>,
  { allocations }: Pick<Catalog, 'allocations'>,
): readonly { readonly backend: string; readonly slot: ActualSlot }[] {
  return Object.values(backends).flatMap(({ name: backend, slots }) =>
    slots.filter((slot) => isLeavingSlot(slot, allocations)).map((slot) => ({ backend, slot })),
  );
}

function isLeavingSlot(
  { binding, config }: ActualSlot,
  allocations: Catalog['allocations'],
): boolean {
  if (binding === undefined || binding.drainingSince !== undefined || config.disabled) return false;
  return isLeaving(allocations[allocationOf(binding.id)]);
}

const isDrain = stepIs({ object: 'slot', effect: 'drain' });

/**
 * The drains that the whole plan will have too, from some backends with their services. Everything
 * that needs the others (the guard, routes, the marker) is left to the plan; what a backend's plan
 * makes structural is, too. A property test compares the two.
 */
export function earlyDrains(given: Omit<PlanInput, 'idle' | 'hidden'>): readonly SlotStep[] {
  if (given.settings.ownership.adopt) return [];
  const input = withoutConflicts(withBareRecords({ ...given, idle: new Set(), hidden: [] }));
  const desired = {
    ...input.desired,
    // The limit on all servers may skip a service that needs more of them.
    backends: input.desired.backends.filter((backend) => hasRoom(backend, input)),
  };
  const none = { backends: new Map(), acls: new Set<string>(), problems: [] };
  // Of what nothing wants any more, the plan decides.
  const context = { ...contextOf(input, undefined, none, false), isHeld: () => false };
  const kept = { own: new Set<string>(), standing: [], routed: new Set<string>() };
  const planned = planBackends({ ...input, desired }, kept, none, context, newPlanMemory());
  const { slots } = runThrough(planned);
  const leaving = leavingSlots(input.actual, input.catalog).filter(({ slot }) => serves(slot));
  const names = new Set(leaving.map(({ slot }) => slot.name));
  return slots.filter((step): step is SlotStep => isDrain(step) && names.has(step.slot.name));
}

/** The process has the instance there, and gives it requests. */
function serves({ runtime, config }: ActualSlot): boolean {
  if (runtime?.admin !== 'ready') return false;
  return runtime.address === config.address && runtime.port === config.port;
}
