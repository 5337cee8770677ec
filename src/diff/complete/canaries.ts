import type { ActualSlot } from '../../actual/types.js';
import { asksForCanaries, canaryKey, canaryPlaces } from '../../desired/canary.js';
import type { DesiredBackend } from '../../desired/types.js';
import type { JsonObject } from '../../shared/json.js';
import type { Entries } from '../plan/entries.js';
import type { PlannedSlot } from '../types.js';

/**
 * The backend's places in the map of canaries; undefined if it doesn't look canaries up. An
 * instance that is held, or whose service is skipped, keeps its role.
 */
export function canaryEntries(
  { name, canaries, endpoints }: DesiredBackend,
  section: JsonObject,
  slots: readonly (PlannedSlot | ActualSlot)[],
  known: Entries,
): Entries | undefined {
  if (!asksForCanaries(section)) return undefined;
  const said = new Set(canaries === undefined ? [] : endpoints.map(({ id }) => id));
  const asked = new Set(canaries);
  const named = new Set(Object.values(known));
  const servers = slots.flatMap(({ name: server, binding, config }) => {
    if (binding === undefined || config.disabled) return [];
    const is = said.has(binding.id) ? asked.has(binding.id) : named.has(server);
    return is ? [server] : [];
  });
  if (servers.length === 0) return {};
  const places = Array.from({ length: canaryPlaces }, (_, place): [string, string] => [
    canaryKey(name, place),
    servers[place % servers.length] ?? '',
  ]);
  return Object.fromEntries(places);
}
