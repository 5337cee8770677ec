import fastDeepEqual from 'fast-deep-equal';

import { writeMap } from '../apply/maps.js';
import { recordEntries } from '../haproxy/claims-record.js';
import { mapNames } from '../haproxy/map-names.js';
import { applyContext, type WritingContext } from './context.js';
import type { View } from './look.js';

/**
 * Writes the record of claims if it changed: a file that HAProxy doesn't load, so it costs no
 * reload and no new version of the configuration.
 */
export async function saveClaims(
  context: WritingContext,
  { actual, desired }: View,
): Promise<void> {
  if (desired.claims === undefined) return;
  const map = mapNames(context.settings.routing).claims;
  const entries = recordEntries(desired.claims);
  if (fastDeepEqual(entries, actual.maps[map]?.stored ?? {})) return;
  const step = { kind: 'write-map', route: 'storage', map, entries, when: 'last' } as const;
  await writeMap(applyContext(context, actual), step);
  context.target.actual.note?.(map, entries);
}
