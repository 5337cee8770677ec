import { keep } from '../shared/keep.js';
import { memoLast } from '../shared/memo.js';
import type { RuntimeServers } from './normalise/parse.js';
import type { ActualBackend, ActualState, RuntimeServer } from './types.js';

type Backends = ActualState['backends'];
type Join = (backends: Backends, servers: RuntimeServers) => Backends;

/**
 * Puts the process's servers into the backends of the configuration. A backend that is as in an
 * earlier read, in both, is the same object.
 */
export function createRuntimeJoin(): Join {
  const known = new WeakMap<ActualBackend, ActualBackend>();
  let last: Backends = {};

  function joined(backend: ActualBackend, servers: RuntimeServers): ActualBackend {
    const before = known.get(backend);
    if (before !== undefined && isAsBefore(before, servers)) return before;
    // Whoever compares it with the last one later has the same objects in hand.
    const now = keep(last[backend.name], withRuntime(backend, servers));
    known.set(backend, now);
    return now;
  }

  return memoLast((backends, servers) => {
    const all = Object.values(backends).map((one) => [one.name, joined(one, servers)] as const);
    last = Object.fromEntries(all);
    return last;
  });
}

interface Server {
  readonly name: string;
  readonly runtime?: RuntimeServer;
}

function isAsBefore(
  { slots, foreign = [], others = [] }: ActualBackend,
  servers: RuntimeServers,
): boolean {
  const isSame = ({ name, runtime }: Server): boolean => isAlike(runtime, servers[name]);
  return slots.every(isSame) && foreign.every(isSame) && others.every(isSame);
}

function isAlike(one: RuntimeServer | undefined, other: RuntimeServer | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.address === other.address &&
    one.port === other.port &&
    one.admin === other.admin &&
    one.operational === other.operational
  );
}

function withRuntime(backend: ActualBackend, servers: RuntimeServers): ActualBackend {
  const slots = backend.slots.map((slot) => withRuntimeOf(slot, servers));
  const foreign = backend.foreign?.map((slot) => withRuntimeOf(slot, servers));
  const others = backend.others?.map((server) => withRuntimeOf(server, servers));
  return {
    ...backend,
    slots,
    ...(foreign === undefined ? {} : { foreign }),
    ...(others === undefined ? {} : { others }),
  };
}

function withRuntimeOf<T extends Server>(server: T, servers: RuntimeServers): T {
  const runtime = servers[server.name];
  // V8 (in Node 20) gives an object that begins with a spread a hidden class of its own: 200 bytes.
  return runtime === undefined ? server : { runtime, ...server };
}
