import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type AgentOptions } from 'node:https';
import type { NomadSettings } from '../../config/types.js';
import { ConnectorError } from '../../shared/errors.js';

interface AgentPair {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

/** Kept connections: few for reads, because Nomad allows 100 a client, and those that block apart. */
export interface Agents {
  readonly short: AgentPair;
  readonly long: AgentPair;
  close(): void;
}

export const maxReadSockets = 8;

export function createAgents(settings: NomadSettings): Agents {
  const tls = tlsOptions(settings);
  const pair = (maxSockets: number): AgentPair => ({
    http: new HttpAgent({ keepAlive: true, maxSockets }),
    https: new HttpsAgent({ keepAlive: true, maxSockets, ...tls }),
  });
  const short = pair(maxReadSockets);
  const long = pair(Infinity);
  const all = [short.http, short.https, long.http, long.https];
  return {
    short,
    long,
    close: () => all.forEach((agent) => agent.destroy()),
  };
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
