import { isObject, textAt } from '../shared/json.js';
import { memoOf } from '../shared/memo.js';
import { expectOk, listIn, malformed } from './answers.js';
import type { DataPlaneReader } from './dataplane-client.js';
import { requireTypes } from './sections.js';
import type { ActualState } from './types.js';

/** Minimum duration of a drain, so that an instance that comes right back keeps its slot. */
const minDrainSeconds = 2;

/** Slots that may be free once they are idle. */
export interface Draining {
  /** By name, since when: Unix seconds. */
  readonly slots: ReadonlyMap<string, number>;
  /** Their backends. */
  readonly parents: ReadonlySet<string>;
}

/** `now`: Unix seconds. */
export function drainingIn({ backends }: Pick<ActualState, 'backends'>, now: number): Draining {
  const draining = new Map<string, number>();
  const parents = new Set<string>();
  for (const { slot, parent, since } of drainsOf(backends, () => drainsIn(backends))) {
    if (now - since < minDrainSeconds) continue;
    draining.set(slot, since);
    parents.add(parent);
  }
  return { slots: draining, parents };
}

interface Drain {
  readonly slot: string;
  readonly parent: string;
  /** Unix seconds. */
  readonly since: number;
}

const drainsOf = memoOf<readonly Drain[]>();

function drainsIn(backends: ActualState['backends']): readonly Drain[] {
  const drains: Drain[] = [];
  for (const { name: parent, slots } of Object.values(backends)) {
    for (const { name: slot, binding } of slots) {
      if (binding?.drainingSince !== undefined) {
        drains.push({ slot, parent, since: binding.drainingSince });
      }
    }
  }
  return drains;
}

/**
 * Those of the draining slots with no request in flight or queued (`scur` and `qcur` of `GET
 * /stats/native?type=server`, with `parent={backend}` if only one has some). The Data Plane API reads
 * the statistics of all servers for any answer: with 4,000 servers, 1.1 s of CPU (3.2).
 */
export async function readIdleSlots(
  client: DataPlaneReader,
  { slots, parents }: Draining,
  signal?: AbortSignal,
): Promise<Draining['slots']> {
  const [parent] = parents.size === 1 ? parents : [];
  const query = { type: 'server', ...(parent === undefined ? {} : { parent }) };
  const response = await client.get('/stats/native', { query, ...(signal ? { signal } : {}) });
  const idle = new Set(idleServers(expectOk(response, what).body));
  return new Map([...slots].filter(([name]) => idle.has(name)));
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
