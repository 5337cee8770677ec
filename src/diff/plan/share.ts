import type { ActualBackend, ActualSlot, ActualState } from '../../actual/types.js';
import type { GuardSettings } from '../../config/types.js';

/** What a read lacks of what HAProxy serves. */
export interface Absent {
  readonly instances: readonly string[];
  readonly backends: readonly string[];
}

/** Slots that serve an instance, with its id. */
export function servingSlots({ slots }: ActualBackend): readonly (ActualSlot & { id: string })[] {
  return slots.flatMap((slot) =>
    slot.binding !== undefined && slot.binding.drainingSince === undefined
      ? [{ ...slot, id: slot.binding.id }]
      : [],
  );
}

/** `before`: gone already, and part of the same share. */
export function overLimit(
  { actual, settings }: { readonly actual: ActualState; readonly settings: GuardSettings },
  absent: Absent,
  before: Absent = { instances: [], backends: [] },
): boolean {
  const owned = Object.values(actual.backends);
  const servers = owned.reduce((sum, one) => sum + servingSlots(one).length, 0);
  const backends = owned.filter(({ ours }) => ours).length;
  const over = (part: number, gone: number, whole: number): boolean =>
    (part + gone) * 100 > (whole + gone) * settings.maxRemovalPercent;
  return (
    over(absent.instances.length, before.instances.length, servers) ||
    over(absent.backends.length, before.backends.length, backends)
  );
}
