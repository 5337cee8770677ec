import equal from 'fast-deep-equal';

import type { ActualState } from '../actual/types.js';
import { writeMap } from '../apply/maps.js';
import type { Settings } from '../config/types.js';
import type { DesiredState } from '../desired/types.js';
import { type ClaimRecord, type MapEntries, recordEntries } from '../haproxy/claims-record.js';
import { mapNames } from '../haproxy/map-names.js';
import { breathe } from '../shared/slices.js';
import { applyContext, type WritingContext } from './context.js';
import type { TargetMemory } from './memory.js';

const none: MapEntries = {};

/** The record in HAProxy. One that somebody deleted is taken from memory. */
export function knownClaims(
  memory: TargetMemory,
  actual: ActualState,
  settings: Settings,
): ClaimRecord {
  const stored = storedClaims(actual, settings);
  return memory.derived.record(onDisk(memory, stored) ?? memory.claims?.entries ?? none);
}

/**
 * Writes the record if it changed: a file that HAProxy doesn't load, so it costs no reload and no
 * new version of the configuration.
 */
export async function saveClaims(
  context: WritingContext,
  { actual, desired }: { readonly actual: ActualState; readonly desired: DesiredState },
): Promise<void> {
  if (desired.claims === undefined) return;
  const { settings, target } = context;
  const before = storedClaims(actual, settings);
  const { memory } = target;
  if (memory.derived.isRecorded(desired.claims, onDisk(memory, before) ?? none)) return;
  await breathe();
  const entries = recordEntries(desired.claims);
  const map = mapNames(settings.routing).claims;
  const step = { kind: 'write-map', route: 'storage', map, entries, when: 'last' } as const;
  await writeMap(applyContext(context, actual), step);
  memory.claims = { entries, before };
}

function storedClaims({ maps }: ActualState, { routing }: Settings): MapEntries | undefined {
  return maps[mapNames(routing).claims]?.stored;
}

/** What the file holds, given what was read of it. */
function onDisk(memory: TargetMemory, stored: MapEntries | undefined): MapEntries | undefined {
  const { claims: last } = memory;
  if (last === undefined || !equal(stored, last.before)) {
    if (last !== undefined) memory.claims = { ...last, before: last.entries };
    return stored;
  }
  return last.entries;
}
