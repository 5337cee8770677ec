import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  createServer,
} from 'node:http';
import {
  createServer as createHttp2Server,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type Server, type Socket, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';

import { freePort } from '../../fixtures/ports.js';

/** What the app speaks; `proxy` wants the PROXY protocol before HTTP, and nothing else. */
export type EchoKind = 'http' | 'https' | 'h2c' | 'h2' | 'proxy';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly httpVersion: string;
  readonly serverName?: string;
  readonly at: number;
}

/** What is in each answer's body. */
export interface Echoed extends Seen {
  readonly app: string;
}

/** An app that answers what it was asked. A request without `x-test` is a check. */
export interface Echo {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly checks: Seen[];
  /** First bytes of each connection, of the kind `proxy`. */
  readonly greetings: string[];
  /** The most requests at one time. */
  busiest: number;
  healthy: (seen: Seen) => boolean;
  checkDelayMs: number;
  delayMs: number;
  close(): Promise<void>;
}

export async function startEcho(name: string, kind: EchoKind = 'http'): Promise<Echo> {
  const port = await freePort();
  let busy = 0;
  const sockets = new Set<Socket>();
  const app: Echo = {
    name,
    address: '127.0.0.1',
    port,
    checks: [],
    greetings: [],
    busiest: 0,
    healthy: () => true,
    checkDelayMs: 0,
    delayMs: 0,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
  const answer = async (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): Promise<void> => {
    const seen = seenIn(request);
    const reply = response as ServerResponse;
    if (seen.headers['x-test'] === undefined) {
      app.checks.push(seen);
      if (app.checkDelayMs > 0) await delay(app.checkDelayMs, undefined, { ref: false });
      reply.statusCode = app.healthy(seen) ? 200 : 500;
      reply.end('well');
      return;
    }
    busy += 1;
    app.busiest = Math.max(app.busiest, busy);
    const slow = Number(new URL(seen.url, 'http://app').searchParams.get('ms') ?? app.delayMs);
    if (slow > 0) await delay(slow, undefined, { ref: false });
    busy -= 1;
    const echoed: Echoed = { app: name, ...seen };
    reply.setHeader('server', name);
    reply.end(JSON.stringify(echoed));
  };
  const server = await serverOf(kind, (request, response) => void answer(request, response), app);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (_request: IncomingMessage, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n');
  });
  await new Promise<void>((done) => server.listen(port, app.address, done));
  return app;
}

function seenIn(request: IncomingMessage | Http2ServerRequest): Seen {
  const { method, url, headers, httpVersion, socket } = request;
  const name = socket instanceof TLSSocket ? (socket as { servername?: unknown }).servername : '';
  return {
    method: method ?? '',
    url: url ?? '',
    headers,
    httpVersion,
    ...(typeof name === 'string' && name !== '' ? { serverName: name } : {}),
    at: Date.now(),
  };
}

type Handler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

async function serverOf(kind: EchoKind, handler: Handler, app: Echo): Promise<Server> {
  switch (kind) {
    case 'http':
      return createServer(handler);
    case 'https':
      return createHttpsServer(await certificate(), handler);
    case 'h2c':
      return createHttp2Server(handler);
    case 'h2':
      return createSecureServer({ ...(await certificate()), allowHTTP1: false }, handler);
    case 'proxy':
      return proxied(createServer(handler), app);
  }
}

const binaryGreeting = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** Passes a connection on to the HTTP server once the PROXY protocol has told who it is from. */
function proxied(inner: Server, app: Echo): Server {
  return createTcpServer((socket) => {
    socket.once('data', (chunk: Buffer) => {
      const length = greetingLength(chunk);
      if (length === undefined) return void socket.destroy();
      app.greetings.push(chunk.subarray(0, length).toString('latin1'));
      socket.pause();
      const rest = chunk.subarray(length);
      if (rest.length > 0) socket.unshift(rest);
      inner.emit('connection', socket);
      socket.resume();
    });
  });
}

function greetingLength(chunk: Buffer): number | undefined {
  if (chunk.subarray(0, 12).equals(binaryGreeting)) return 16 + chunk.readUInt16BE(14);
  const end = chunk.indexOf('\r\n');
  return chunk.toString('latin1', 0, 6) === 'PROXY ' && end > 0 ? end + 2 : undefined;
}

let made: Promise<{ key: string; cert: string }> | undefined;

/** Signed by itself: nobody's CA knows it. */
function certificate(): Promise<{ key: string; cert: string }> {
  made ??= makeCertificate();
  return made;
}

async function makeCertificate(): Promise<{ key: string; cert: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'hnc-cert-'));
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const what = ['-subj', '/CN=echo', '-days', '2', '-keyout', key, '-out', cert];
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await promisify(execFile)('openssl', ['req', '-x509', ...options, ...what]);
  const pair = { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
  await rm(dir, { recursive: true });
  return pair;
}
