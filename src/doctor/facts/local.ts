import { access, constants } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';

import type { Settings } from '../../config/types.js';
import type { PortFact, RouteFolderFact } from '../types.js';

/** Listens for a moment. Where a connector listens already, it is the one to be examined. */
export async function tryPort({ http }: Settings): Promise<PortFact> {
  if (!http.enabled) return { state: 'off' };
  const code = await listenCode(http.host, http.port);
  if (code === undefined) return { state: 'free' };
  if (code === 'EADDRINUSE' && (await isConnector(http.host, http.port))) return { state: 'ours' };
  return { state: 'unusable', code };
}

function listenCode(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'UNKNOWN'));
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
      server.close(() => resolve(undefined));
    });
  });
}

/** `/metrics` names the program. */
function isConnector(host: string, port: number): Promise<boolean> {
  const reached = host === '' || host === '0.0.0.0' ? '127.0.0.1' : host;
  return new Promise((resolve) => {
    const sent = get({ host: reached, port, path: '/metrics', timeout: 2000, agent: false });
    sent.once('timeout', () => sent.destroy());
    sent.once('error', () => resolve(false));
    sent.once('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
        if (text.length > 1_000_000) sent.destroy();
      });
      answer.once('close', () => resolve(text.includes('haproxy_nomad_connector_')));
    });
  });
}

export async function tryRouteFolder({ routes }: Settings): Promise<RouteFolderFact> {
  if (routes.directory === undefined) return { state: 'unset' };
  try {
    await access(routes.directory, constants.R_OK | constants.X_OK);
    return { state: 'readable' };
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? 'UNKNOWN' };
  }
}
