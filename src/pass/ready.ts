import { applyEntries, writeMap } from '../apply/maps.js';
import type { Plan } from '../diff/types.js';
import { readyMap } from '../haproxy/map-names.js';
import type { Trust } from '../observe/types.js';
import { applyContext, type WritingContext } from './context.js';
import type { View } from './look.js';
import type { TargetMemory } from './memory.js';

const key = 'ready';

/** How long servers may wait for their first check before that is their service's own matter. */
const graceMs = 10_000;

/**
 * Says in HAProxy itself that it has been filled, for checks that ask it: the entry `ready` in the map
 * of `readyMap`, in the process and on disk, so that it survives reloads and restarts. Only where
 * HAProxy loads that map, that is where the operator's configuration reads it. It is never taken back.
 */
export async function sayReady(context: WritingContext, view: View): Promise<void> {
  const { settings, target } = context;
  const map = readyMap(settings.routing);
  const { entries, stored = {} } = view.actual.maps[map] ?? {};
  if (entries === undefined) return;
  const isSaid = key in entries;
  if (isSaid && key in stored) return;
  if (!isSaid && !isFilled(target.memory, view.plan, context.catalog.trust, context.now())) return;
  const apply = applyContext(context, view.actual);
  const step = {
    kind: 'add-entry',
    route: 'runtime',
    map,
    key,
    value: 'yes',
    when: 'last',
  } as const;
  // With an entry that was lost on disk, the next reload would forget it.
  if (isSaid) {
    await writeMap(apply, { kind: 'write-map', route: 'storage', map, entries, when: 'last' });
  } else await applyEntries(apply, [step], 'last');
  delete target.memory.filledAt;
  target.actual.forget([map]);
}

/**
 * Nothing is left to do, and each server had its check, or time for it. Remembers since when. What a
 * doubtful read of Nomad lacks would be missing: without routes, a new HAProxy has nothing left to do too.
 */
export function isFilled(
  memory: Pick<TargetMemory, 'filledAt'>,
  { steps, waiting }: Pick<Plan, 'steps' | 'waiting'>,
  trust: Trust,
  now: number,
): boolean {
  if (steps.length > 0 || trust.removals === 'held') return false;
  memory.filledAt ??= now;
  return waiting.length === 0 || now - memory.filledAt >= graceMs;
}
