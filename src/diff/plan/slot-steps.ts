import equal from 'fast-deep-equal';

import type { ActualSlot } from '../../actual/types.js';
import type { DesiredBackend } from '../../desired/types.js';
import { ownCheckPort, type SlotConfig } from '../../haproxy/slots.js';
import type { PlannedSlot, SlotBefore, SlotStep } from '../types.js';

/**
 * What has to be done to the slots of a backend whose structure stays: nothing costs a reload. A slot
 * that HAProxy has not loaded waits for the reload that the marker asks for: the process does not
 * know it, and refuses.
 */
export function planSlotSteps(
  desired: DesiredBackend,
  before: readonly ActualSlot[],
  planned: readonly PlannedSlot[],
): SlotStep[] {
  const actual = new Map(before.map((slot) => [slot.name, slot]));
  return planned.flatMap((slot) => {
    const old = actual.get(slot.name);
    if (old?.runtime === undefined) return [];
    const kind = kindOf(old, slot);
    if (kind === undefined) return [];
    return [
      {
        kind,
        route: 'no-reload' as const,
        backend: desired.name,
        service: desired.service,
        before: beforeOf(old),
        slot,
        gated:
          desired.hasCheck &&
          isGated(
            old,
            slot,
            kind,
            before.some((other) => other !== old && isUp(other)),
          ),
        summary: desired.checkSummary,
      },
    ];
  });
}

/**
 * | on disk | in the process | step |
 * |---|---|---|
 * | another or no instance, one is wanted | | bind |
 * | an instance, none wanted | | free |
 * | serves, should drain | | drain |
 * | other address, weight, port or metadata | | update |
 * | as planned | differs | repair |
 */
function kindOf(old: ActualSlot, slot: PlannedSlot): SlotStep['kind'] | undefined {
  if (!sameOnDisk(old, slot)) {
    if (slot.binding === undefined) return 'free-slot';
    if (slot.binding.drainingSince !== undefined) return 'drain-slot';
    return old.binding?.id === slot.binding.id && !old.config.disabled
      ? 'update-slot'
      : 'bind-slot';
  }
  return agrees(old, slot) ? undefined : 'repair-slot';
}

function sameOnDisk(old: ActualSlot, slot: PlannedSlot): boolean {
  return (
    equal(written(old.config), written(slot.config)) &&
    equal(old.binding ?? null, slot.binding ?? null)
  );
}

function written(config: SlotConfig) {
  return { ...config, checkPort: ownCheckPort(config) ?? null };
}

/** A slot counts as bound only when disk and process agree. */
function agrees({ runtime }: ActualSlot, slot: PlannedSlot): boolean {
  if (runtime === undefined) return true;
  // After a reload, a draining server is in maintenance: it gets no new request either way.
  if (slot.admin === 'drain') return runtime.admin !== 'ready';
  if (runtime.admin !== slot.admin) return false;
  return runtime.address === slot.config.address && runtime.port === slot.config.port;
}

/**
 * | instance | waits for its check |
 * |---|---|
 * | new, moved, or pending until now | yes |
 * | that HAProxy has at another address or in another state | yes |
 * | restarted in place while others serve | yes |
 * | restarted alone | no: HAProxy's retries reach it sooner than its check would |
 * | back while it drains | no: it was UP all the time |
 */
function isGated(
  old: ActualSlot,
  slot: PlannedSlot,
  kind: SlotStep['kind'],
  othersServe: boolean,
): boolean {
  if (slot.admin !== 'ready') return false;
  switch (kind) {
    case 'bind-slot':
      return old.binding?.drainingSince === undefined || !isSameIncarnation(old, slot);
    case 'update-slot':
      return moved(old, slot) || (othersServe && !isSameIncarnation(old, slot));
    case 'repair-slot':
      return true;
    case 'drain-slot':
    case 'free-slot':
      return false;
  }
}

function isSameIncarnation(old: ActualSlot, slot: PlannedSlot): boolean {
  return (
    old.binding !== undefined &&
    old.binding.id === slot.binding?.id &&
    old.binding.createIndex === slot.binding.createIndex &&
    !moved(old, slot)
  );
}

function moved(old: ActualSlot, slot: PlannedSlot): boolean {
  return old.config.address !== slot.config.address || old.config.port !== slot.config.port;
}

function isUp({ runtime, config }: ActualSlot): boolean {
  return runtime?.admin === 'ready' && runtime.operational === 'up' && !config.disabled;
}

export function beforeOf({ name, binding, config }: ActualSlot): SlotBefore {
  return binding === undefined ? { name, config } : { name, binding, config };
}
