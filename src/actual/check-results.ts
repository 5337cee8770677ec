import { setTimeout as delay } from 'node:timers/promises';

import { isObject, type JsonObject, textAt } from '../shared/json.js';
import { expectOk, listIn, malformed } from './answers.js';
import type { DataPlaneReader } from './dataplane-client.js';

/** The last check of a server, from HAProxy's statistics (management guide, 9.1). */
export interface CheckResult {
  /** `UP`, `DOWN 1/2`, `MAINT`, `DRAIN`, `NOLB`, `no check`. */
  readonly status: string;
  /** `L7OK`, `L7STS`, `L4CON`, `L4TOUT`, `INI` and so on. */
  readonly result?: string;
  /** Of the answer, such as 500. */
  readonly code?: number;
  /** What HAProxy says of it: `Connection refused`. */
  readonly text?: string;
  readonly durationMs?: number;
  /** Seconds since the server last went UP or DOWN. */
  readonly changedSeconds?: number;
}

const what = 'read server statistics';

/** HAProxy walks all servers per request, so above this, one request for all is cheaper. */
const maxAskedApart = 3;

/** A check that runs at the moment of the read hides what the one before gave. */
const maxReads = 3;
const againMs = 50;

/** Of these backends' servers, by `backend/server`: `GET /stats/native?type=server`. */
export async function readCheckResults(
  client: DataPlaneReader,
  backends: readonly string[],
  signal?: AbortSignal,
): Promise<Readonly<Record<string, CheckResult>>> {
  const found = new Map<string, CheckResult>();
  const asked = backends.length > maxAskedApart ? [undefined] : backends;
  for (const parent of asked) {
    for (let left = maxReads; left > 0; left--) {
      const servers = await readServers(client, parent, signal);
      for (const { name, result, isRunning } of servers) {
        if (!isRunning || !found.has(name)) found.set(name, result);
      }
      if (!servers.some(({ isRunning }) => isRunning)) break;
      if (left > 1) await delay(againMs, undefined, signal ? { signal } : {});
    }
  }
  return Object.fromEntries(found);
}

interface ServerStats {
  /** `backend/server`. */
  readonly name: string;
  readonly result: CheckResult;
  /** Its check runs now. */
  readonly isRunning: boolean;
}

/** An object, or a list of them where the Data Plane API has several processes. */
async function readServers(
  client: DataPlaneReader,
  parent: string | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly ServerStats[]> {
  const query = { type: 'server', ...(parent === undefined ? {} : { parent }) };
  const response = await client.get('/stats/native', { query, ...(signal ? { signal } : {}) });
  const { body } = expectOk(response, what);
  if (!isObject(body) && !Array.isArray(body)) throw malformed(what, 'object');
  const groups = isObject(body) ? [body] : listIn(body, what);
  return groups
    .flatMap((group) => listIn(group['stats'], what))
    .flatMap((item): ServerStats[] => {
      const { stats } = item;
      if (!isObject(stats)) return [];
      const name = `${textAt(item, 'backend_name')}/${textAt(item, 'name')}`;
      return [{ name, result: resultOf(stats), isRunning: isCheckRunning(stats) }];
    });
}

function isCheckRunning(stats: JsonObject): boolean {
  return textAt(stats, 'check_status').startsWith('* ');
}

function resultOf(stats: JsonObject): CheckResult {
  const result = textAt(stats, 'check_status').replace(/^\* /, '');
  const text = textAt(stats, 'last_chk');
  // While a check runs, these are of that one: 0 so far.
  const outcome = isCheckRunning(stats)
    ? {}
    : {
        ...numberAt(stats, 'check_code', 'code'),
        ...numberAt(stats, 'check_duration', 'durationMs'),
      };
  return {
    status: textAt(stats, 'status'),
    ...(result === '' ? {} : { result }),
    ...outcome,
    ...(text === '' ? {} : { text }),
    ...numberAt(stats, 'lastchg', 'changedSeconds'),
  };
}

function numberAt<Key extends string>(
  stats: JsonObject,
  from: string,
  key: Key,
): Partial<Record<Key, number>> {
  const value = stats[from];
  return (typeof value === 'number' ? { [key]: value } : {}) as Partial<Record<Key, number>>;
}
