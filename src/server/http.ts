import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Registry } from 'prom-client';
import { ConnectorError } from '../shared/errors.js';
import { plainJson } from '../shared/text.js';
import { isAllowedHost, isPrivate } from './host-names.js';

export interface Condition {
  readonly ok: boolean;
  /** One line for people if not ok. */
  readonly reason?: string;
  /** Another connector writes; this one could at once. */
  readonly standsBy?: boolean;
}

/** Health of the loop. */
export interface Status {
  /** Liveness: the loop runs. If not, restart the process. */
  readonly alive: () => Condition;
  /** Readiness: synced at least once, and recently enough. */
  readonly ready: () => Condition;
}

export interface HttpServerOptions {
  /** Empty: all addresses. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly status: Status;
  readonly registry: Pick<Registry, 'metrics' | 'contentType'>;
  /** Applied to the reasons. */
  readonly redact: (text: string) => string;
  /** Host names that requests may use besides addresses, `localhost` and this machine's name. */
  readonly hostNames?: readonly string[];
  /** The status page and what belongs to it. */
  readonly pages?: Pages;
}

/** Further paths. */
export interface Pages {
  readonly handlers: ReadonlyMap<string, Handler>;
  /** Ends the answers that would go on forever. */
  readonly close: () => void;
}

export interface HttpServer {
  readonly port: number;
  /** Finishes pending requests, then closes. Hanging connections are cut after a short grace. */
  readonly close: () => Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  /** In pieces: sent as they come, no faster than they are read. */
  readonly body: string | AsyncIterable<string>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request for a path, by GET or HEAD. */
export interface Asked {
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Aborted when nobody waits for the answer any longer. */
  readonly signal: AbortSignal;
}

export type Handler = (asked: Asked) => Answer | Promise<Answer>;

const closeGraceMs = 1000;

/** Probes and scrapes are small, and there are few of them. */
const limits = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5000,
  /** How often Node looks for requests that are late. Its default is 30 s. */
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 8192,
} as const;
const maxConnections = 64;

/** `/health`, `/healthz`, `/readyz`, `/metrics`, and the pages. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer(limits);
  boundConnections(server);
  await listen(server, options);
  const { address, port } = server.address() as AddressInfo;
  const handlers = handlersOf(options, isPrivate(address));
  server.on('request', (request, response) => void respond(handlers, request, response));
  return {
    port,
    close: () => {
      options.pages?.close();
      return close(server);
    },
  };
}

/**
 * One connection too many ends the oldest instead of being refused: idle connections that somebody
 * piles up must not keep out the probe that decides over this process.
 */
function boundConnections(server: Server): void {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    const [oldest] = open;
    if (open.size <= maxConnections || oldest === undefined) return;
    open.delete(oldest);
    oldest.destroy();
  });
}

type Handlers = ReadonlyMap<string, Handler>;

/** Where others can connect, scrapes and probes come by any name. */
function handlersOf(options: HttpServerOptions, onlyThisHost: boolean): Handlers {
  const { status, registry, redact, hostNames = [], pages } = options;
  const health = (): Answer => conditionAnswer(status.alive(), redact);
  const own: readonly (readonly [string, Handler])[] = [
    ['/health', health],
    ['/healthz', health],
    ['/readyz', () => conditionAnswer(status.ready(), redact)],
    [
      '/metrics',
      async () => ({ status: 200, type: registry.contentType, body: await registry.metrics() }),
    ],
  ];
  return new Map<string, Handler>([
    ...(pages?.handlers ?? []),
    ...own.map(
      ([path, handler]) => [path, onlyThisHost ? named(handler, hostNames) : handler] as const,
    ),
  ]);
}

/** Answers only requests that name this server. */
export function named(handler: Handler, hostNames: readonly string[]): Handler {
  return (asked) =>
    isAllowedHost(asked.headers.host, hostNames)
      ? handler(asked)
      : json(421, { error: 'unknown host name: add it to http.host_names' });
}

function conditionAnswer(
  { ok, reason, standsBy }: Condition,
  redact: (text: string) => string,
): Answer {
  if (ok) return json(200, { status: 'ok', ...(standsBy === true ? { role: 'standby' } : {}) });
  return json(503, { status: 'unavailable', reason: redact(reason ?? 'unknown') });
}

export function json(status: number, body: Readonly<Record<string, string>>): Answer {
  return { status, type: 'application/json', body: `${plainJson(body)}\n` };
}

async function respond(
  handlers: Handlers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, type, body, headers } = await answerTo(handlers, request, response);
  response.writeHead(status, {
    'content-type': type,
    ...(typeof body === 'string' ? { 'content-length': Buffer.byteLength(body) } : {}),
    'cache-control': 'no-store',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    ...headers,
  });
  // An unread body would keep the connection busy.
  request.resume();
  if (request.method === 'HEAD') response.end();
  else if (typeof body === 'string') response.end(body);
  // A reader that goes away in the middle is nobody's failure.
  else await pipeline(Readable.from(body), response).catch(() => undefined);
}

async function answerTo(
  handlers: Handlers,
  { url = '', method, headers }: IncomingMessage,
  response: ServerResponse,
): Promise<Answer> {
  const [path = '', query = ''] = url.split(/\?(.*)/s, 2);
  const handler = handlers.get(path);
  if (handler === undefined) return json(404, { error: 'not found' });
  if (method !== 'GET' && method !== 'HEAD') return json(405, { error: 'method not allowed' });
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const asked = { query: new URLSearchParams(query), headers, signal: gone.signal };
    return await handler(asked);
  } catch {
    return json(500, { error: 'internal error' });
  }
}

function listen(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(error, host, port)));
    server.listen({ port, ...(host === '' ? {} : { host }) }, resolve);
  });
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): ConnectorError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the address is in use',
    EACCES: 'permission denied',
    EADDRNOTAVAIL: 'no such address on this machine',
    ENOTFOUND: 'no such host',
  };
  const reason = reasons[error.code ?? ''] ?? error.code ?? error.message;
  const message = `http.listen: cannot listen on ${host}:${port}: ${reason}`;
  return new ConnectorError('config-invalid', message, { retryable: false });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), closeGraceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
