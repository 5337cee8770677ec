import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type AgentOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { NomadSettings } from '../../config/types.js';
import { ConnectorError } from '../../shared/errors.js';

interface AgentPair {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

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
  close(): void;
}

export const maxReadSockets = 8;

export function createAgents(settings: NomadSettings): Agents {
  const tls = tlsOptions(settings);
  const pair = (keepAlive: boolean, maxSockets: number): AgentPair => ({
    http: new HttpAgent({ keepAlive, maxSockets }),
    https: new HttpsAgent({ keepAlive, maxSockets, ...tls }),
  });
  const short = pair(true, maxReadSockets);
  const long = pair(true, Infinity);
  const fresh = pair(false, Infinity);
  const all = [short, long, fresh].flatMap(({ http, https }) => [http, https]);
  const used = new WeakSet<Socket>();
  // Node's `reusedSocket` misses connections passed directly from one request to the next.
  for (const agent of all) agent.on('free', (socket: Socket) => used.add(socket));
  return {
    short,
    long,
    fresh,
    wasUsed: (socket) => used.has(socket),
    dropIdle: () => all.forEach(dropIdle),
    close: () => all.forEach((agent) => agent.destroy()),
  };
}

function dropIdle({ freeSockets }: HttpAgent): void {
  for (const socket of Object.values(freeSockets).flatMap((kept) => kept ?? [])) socket.destroy();
}

function tlsOptions(settings: NomadSettings): AgentOptions {
  return {
    rejectUnauthorized: !settings.skipVerify,
    ...(settings.tlsServerName === undefined ? {} : { servername: settings.tlsServerName }),
    ...pem('ca', settings.caCert),
    ...pem('cert', settings.clientCert),
    ...pem('key', settings.clientKey),
  };
}

/** A file's path, or PEM text itself. */
function pem(name: 'ca' | 'cert' | 'key', value: string | undefined): Record<string, string> {
  if (value === undefined) return {};
  if (value.includes('-----BEGIN')) return { [name]: value };
  try {
    return { [name]: readFileSync(value, 'utf8') };
  } catch {
    throw new ConnectorError('config-invalid', `cannot read Nomad's TLS file ${value}`, {
      retryable: false,
    });
  }
}
