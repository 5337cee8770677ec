import { isObject, textAt } from '../shared/json.js';
import { expectOk, listIn, malformed } from './answers.js';
import type { DataPlaneReader } from './dataplane-client.js';
import { requireTypes } from './sections.js';
import type { ActualState } from './types.js';

/** Minimum duration of a drain, so that an instance that comes right back keeps its slot. */
const minDrainSeconds = 2;

/**
 * HAProxy walks all servers per request, so above this, one request for all backends is cheaper.
 */
const maxAskedApart = 3;

/**
 * Names of draining slots with no request in flight or queued (`scur` and `qcur` of `GET
 * /stats/native?type=server`, with `parent={backend}` if few backends drain). Sends no request if
 * nothing drains.
 */
export async function readIdleSlots(
  client: DataPlaneReader,
  { backends }: ActualState,
  now: number,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const draining = new Set<string>();
  const parents = new Set<string>();
  for (const { name, slots } of Object.values(backends)) {
    for (const slot of slots) {
      if (now - (slot.binding?.drainingSince ?? now) < minDrainSeconds) continue;
      draining.add(slot.name);
      parents.add(name);
    }
  }
  const asked = parents.size > maxAskedApart ? [{}] : [...parents].map((parent) => ({ parent }));
  const idle = new Set<string>();
  for (const which of asked) {
    const query = { type: 'server', ...which };
    const response = await client.get('/stats/native', { query, ...(signal ? { signal } : {}) });
    for (const server of idleServers(expectOk(response, what).body)) {
      if (draining.has(server)) idle.add(server);
    }
  }
  return idle;
}

const what = 'read server statistics';

/** An object, or a list of them where the Data Plane API has several processes. */
function idleServers(body: unknown): string[] {
  if (!isObject(body) && !Array.isArray(body)) throw malformed(what, 'object');
  const servers = (isObject(body) ? [body] : listIn(body, what)).flatMap((group) =>
    listIn(group['stats'], what),
  );
  for (const { stats } of servers) {
    if (!isObject(stats)) throw malformed(what, 'object');
    requireTypes([stats], 'statistics', what);
  }
  return servers
    .filter(({ stats }) => isObject(stats) && (stats['scur'] ?? 0) === 0)
    .filter(({ stats }) => isObject(stats) && (stats['qcur'] ?? 0) === 0)
    .map((item) => textAt(item, 'name'));
}
