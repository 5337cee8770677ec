import { isSlotStep, isStructureWrite } from '../diff/dispatch.js';
import type { ActualSlot, ActualState } from '../actual/types.js';
import type { PlannedSlot, Step } from '../diff/types.js';
import type { Picture } from './picture.js';

/**
 * Servers that HAProxy's check took DOWN, or may have: they were ready before this pass, for the same
 * instance, and nothing in it made them wait.
 */
export function doubtedIn(last: Picture | undefined, picture: Picture): ReadonlySet<string> {
  if (picture.rest.probes.length === 0) return new Set();
  const gated = new Set(picture.steps.flatMap(gatedBy));
  const before = last === undefined ? undefined : slotsOf(last.actual);
  const doubted = picture.rest.probes.filter(({ server, backend }) => {
    if (gated.has(server)) return false;
    if (before === undefined) return true;
    const known = before.get(server);
    const slot = picture.actual.backends[backend]?.slots.find(({ name }) => name === server);
    return known?.runtime?.admin === 'ready' && isSameInstance(known, slot);
  });
  return new Set(doubted.map(({ server }) => server));
}

function slotsOf({ backends }: ActualState): ReadonlyMap<string, ActualSlot> {
  const slots = Object.values(backends).flatMap((backend) => backend.slots);
  return new Map(slots.map((slot) => [slot.name, slot]));
}

type Bound = Pick<PlannedSlot, 'binding' | 'config'>;

function isSameInstance(one: Bound, other: Bound | undefined): boolean {
  return (
    one.binding?.id === other?.binding?.id &&
    one.binding?.createIndex === other?.binding?.createIndex &&
    one.config.address === other?.config.address &&
    one.config.port === other.config.port
  );
}

/** Names of the servers that a step sets DOWN until they are checked. */
function gatedBy(step: Step): readonly string[] {
  if (isSlotStep(step)) return step.gated ? [step.slot.name] : [];
  if (!isStructureWrite(step)) return [];
  const slots = 'slots' in step ? step.slots : [step.slot];
  const before = 'before' in step ? [step.before].flat() : [];
  const known = new Map(before.map((slot) => [slot.name, slot]));
  return slots
    .filter((slot) => !isSameInstance(slot, known.get(slot.name)))
    .map(({ name }) => name);
}
