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

/** Of these backends' servers, by `backend/server`: `GET /stats/native?type=server`. */
export async function readCheckResults(
  client: DataPlaneReader,
  backends: readonly string[],
  signal?: AbortSignal,
): Promise<Readonly<Record<string, CheckResult>>> {
  const asked = backends.length > maxAskedApart ? [{}] : backends.map((parent) => ({ parent }));
  const found: [string, CheckResult][] = [];
  for (const which of asked) {
    const query = { type: 'server', ...which };
    const response = await client.get('/stats/native', { query, ...(signal ? { signal } : {}) });
    found.push(...serversIn(expectOk(response, what).body));
  }
  return Object.fromEntries(found);
}

/** An object, or a list of them where the Data Plane API has several processes. */
function serversIn(body: unknown): readonly [string, CheckResult][] {
  if (!isObject(body) && !Array.isArray(body)) throw malformed(what, 'object');
  const groups = isObject(body) ? [body] : listIn(body, what);
  return groups
    .flatMap((group) => listIn(group['stats'], what))
    .flatMap((item): [string, CheckResult][] => {
      const { stats } = item;
      if (!isObject(stats)) return [];
      return [[`${textAt(item, 'backend_name')}/${textAt(item, 'name')}`, resultOf(stats)]];
    });
}

function resultOf(stats: JsonObject): CheckResult {
  const result = textAt(stats, 'check_status').replace(/^\* /, '');
  // `last_chk` is what the check said; without, the description of its result.
  const text = textAt(stats, 'last_chk');
  return {
    status: textAt(stats, 'status'),
    ...(result === '' ? {} : { result }),
    ...numberAt(stats, 'check_code', 'code'),
    ...(text === '' ? {} : { text }),
    ...numberAt(stats, 'check_duration', 'durationMs'),
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
