import { scopeOf } from '../shared/concurrent.js';
import { expectNamed } from './answers.js';
import type { DataPlaneReader } from './dataplane-client.js';
import { parseRuntimeServers, type RuntimeServers } from './normalise/parse.js';
import { parseSight, type Sight } from './normalise/sight.js';
import { requireTypes } from './sections.js';
import type { ActualBackend, ActualState } from './types.js';

export interface GlanceOptions {
  readonly client: DataPlaneReader;
  /** As last read. */
  readonly actual: ActualState;
  /** Unix milliseconds of that read, and of now. */
  readonly readAt: number;
  readonly now: number;
  /** Names of the backends to look at. */
  readonly backends: readonly string[];
  readonly signal: AbortSignal;
}

/** HAProxy walks all servers per request, so above this, one request for all backends is cheaper. */
const maxAskedApart = 16;

/**
 * The last state with only these backends, and their servers as the process has them now. Undefined if
 * it is another process or another configuration. One request, and one for each backend: `GET
 * /runtime/info`, `GET /runtime/backends/{backend}/servers`.
 */
export async function glance(options: GlanceOptions): Promise<ActualState | undefined> {
  const { actual, backends, client, signal } = options;
  const scope = scopeOf(signal);
  const get = (path: string) => client.get(path, { signal: scope.signal });
  const parents = backends.length > maxAskedApart ? [' '] : backends;
  try {
    const [info, ...lists] = await Promise.all([
      get('/runtime/info'),
      ...parents.map((name) => get(`/runtime/backends/${encodeURIComponent(name)}/servers`)),
    ]);
    const sight = info === undefined ? 'down' : parseSight(info);
    if (sight === 'down' || !isSame(sight, options)) return undefined;
    const servers = Object.assign({}, ...lists.map(serversIn)) as RuntimeServers;
    const seen = backends.flatMap((name) => {
      const known = actual.backends[name];
      return known === undefined ? [] : [[name, withServers(known, servers)] as const];
    });
    return { ...actual, backends: Object.fromEntries(seen) };
  } finally {
    scope.done();
  }
}

function serversIn(response: Awaited<ReturnType<DataPlaneReader['get']>>): RuntimeServers {
  const what = 'look at servers';
  return parseRuntimeServers(requireTypes(expectNamed(response, what, 'name'), 'runtime', what));
}

/** A container's new worker often has the pid of the old one, but not its age. */
function isSame({ pid, version, uptime }: Sight, { actual, readAt, now }: GlanceOptions): boolean {
  if (pid !== actual.haproxy.pid || version !== actual.configVersion) return false;
  return uptime === undefined || (uptime + 1) * 1000 >= now - readAt;
}

function withServers(backend: ActualBackend, servers: RuntimeServers): ActualBackend {
  const slots = backend.slots.map(({ runtime: _, ...slot }) => {
    const now = servers[slot.name];
    return now === undefined ? slot : { ...slot, runtime: now };
  });
  return { ...backend, slots };
}
