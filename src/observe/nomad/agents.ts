import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { NomadSettings } from '../../config/types.js';
import type { AgentPair } from '../../shared/http-get.js';
import { followTlsFiles, type TlsReread } from '../../shared/tls-files.js';

/**
 * Keep-alive connections: few for reads, as Nomad allows 100 per client. Blocking queries have
 * their own.
 */
export interface Agents {
  readonly short: AgentPair;
  readonly long: AgentPair;
  /** A new connection per request. */
  readonly fresh: AgentPair;
  /** Whether the connection was used before. */
  wasUsed(socket: Socket): boolean;
  /** Closes idle connections: if one died, others probably did too. */
  dropIdle(): void;
  /** Before a request: rereads TLS files that changed. */
  refresh(): void;
  close(): void;
}

export const maxReadSockets = 8;

export function createAgents(
  settings: NomadSettings,
  onReread?: (reread: TlsReread) => void,
): Agents {
  const pair = (keepAlive: boolean, maxSockets: number): AgentPair => ({
    http: new HttpAgent({ keepAlive, maxSockets }),
    https: new HttpsAgent({ keepAlive, maxSockets }),
  });
  const short = pair(true, maxReadSockets);
  const long = pair(true, Infinity);
  const fresh = pair(false, Infinity);
  const all = [short, long, fresh].flatMap(({ http, https }) => [http, https]);
  const tls = followTlsFiles({
    ...{ settings, peer: 'Nomad' },
    agents: [short, long, fresh].map(({ https }) => https),
    ...(onReread === undefined ? {} : { onReread }),
  });
  const dropAllIdle = (): void => all.forEach(dropIdle);
  const used = new WeakSet<Socket>();
  // Node's `reusedSocket` misses connections passed directly from one request to the next.
  for (const agent of all) agent.on('free', (socket: Socket) => used.add(socket));
  return {
    short,
    long,
    fresh,
    wasUsed: (socket) => used.has(socket),
    dropIdle: dropAllIdle,
    refresh: () => {
      if (tls.refresh()) dropAllIdle();
    },
    close: () => all.forEach((agent) => agent.destroy()),
  };
}

function dropIdle({ freeSockets }: HttpAgent): void {
  for (const socket of Object.values(freeSockets).flatMap((kept) => kept ?? [])) socket.destroy();
}
