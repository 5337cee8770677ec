import got, { type Got, type Response } from 'got';
import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { createRedactor } from '../../config/redact.js';
import type { LimitSettings, NomadSettings } from '../../config/types.js';
import { ConnectorError } from '../../shared/errors.js';
import { scopeOf } from '../../shared/concurrent.js';
import { type StatusClass, statusClassOf } from '../../shared/status-class.js';
import type { TlsReread } from '../../shared/tls-files.js';
import { createAgents, type Agents } from './agents.js';
import { DiedIdle, isBroken, MalformedAnswer, statusError, translate } from './errors.js';
import { createTokenSource, type TokenSource } from './token.js';
import { cancelBeyond } from '../../shared/answer-size.js';
import { httpGetter, ReadFailure, type HttpGet } from '../../shared/http-get.js';
import { isTrusted } from './answers/trust.js';

export type Query = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface NomadResponse {
  readonly status: number;
  /** `X-Nomad-Index`; 0 if absent. */
  readonly index: number;
  readonly knownLeader: boolean;
  /** Parsed JSON of a 200 (or what `read` made of it), otherwise undefined. */
  readonly body: unknown;
}

export interface GetOptions {
  readonly query?: Query;
  readonly signal: AbortSignal;
  /** Other statuses that are returned instead of thrown. */
  readonly allow?: readonly number[];
  /** Index 0 is valid: the table may never have been written. */
  readonly maybeUnwritten?: boolean;
  /** The answer is about one job, allocation or service: a smaller limit applies. */
  readonly ofOne?: boolean;
  /** The bytes of an earlier answer: `read` gets the same buffer if they are the same again. */
  readonly before?: Buffer | undefined;
  /** How long Nomad may hold a blocking query, in addition to the request timeout. */
  readonly waitMs?: number;
  /** Sent as JSON by POST, to an endpoint that only computes: its answer is not of the cluster's state. */
  readonly post?: object;
  /** Instead of the request timeout. */
  readonly timeoutMs?: number;
  /** What becomes the body; otherwise `json()`, the parsed one. */
  readonly read?: (bytes: Buffer, json: () => unknown) => Promise<unknown>;
}

export interface PutOptions {
  readonly query: Query;
  readonly json: object;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Other statuses that are returned instead of thrown. */
  readonly allow: readonly number[];
}

export interface NomadClient {
  /**
   * One read. A 200 is returned only if it can be trusted (see trust.ts). Any status that isn't
   * allowed is an error.
   */
  get(path: string, options: GetOptions): Promise<NomadResponse>;
  /** A write, for the lock alone. It isn't sent twice, unless Nomad refused the token. */
  put(path: string, options: PutOptions): Promise<NomadResponse>;
  /** A response that never ends. The caller detects silence. */
  stream(path: string, options: { query?: Query; signal: AbortSignal }): Promise<Readable>;
  close(): void;
}

export type AnswerLimits = Pick<LimitSettings, 'answerBytes' | 'objectBytes'>;

const noLimits: AnswerLimits = { answerBytes: Infinity, objectBytes: Infinity };

export interface NomadClientOptions {
  readonly settings: NomadSettings;
  /** In bytes, uncompressed. */
  readonly limits?: AnswerLimits;
  /** Called once per answer or failure, for metrics. */
  readonly onResponse?: (statusClass: StatusClass) => void;
  /** Called with each token read from the token file, to redact it. */
  readonly onToken?: (token: string) => void;
  /** Called when TLS files changed. */
  readonly onTls?: (reread: TlsReread) => void;
}

interface Connection {
  readonly settings: NomadSettings;
  readonly limits: AnswerLimits;
  readonly http: Got;
  readonly httpGet: HttpGet;
  readonly agents: Agents;
  readonly token: TokenSource;
  readonly onResponse: (statusClass: StatusClass) => void;
  readonly redact: (text: string) => string;
}

export function createNomadClient(options: NomadClientOptions): NomadClient {
  const { settings, limits = noLimits, onResponse = () => undefined } = options;
  const { redact, add } = createRedactor([settings.token ?? '']);
  const onToken = (token: string): void => {
    add(token);
    options.onToken?.(token);
  };
  const connection: Connection = {
    settings,
    limits,
    agents: createAgents(settings, options.onTls),
    token: createTokenSource(settings, onToken),
    onResponse,
    redact,
    http: got.extend({
      retry: { limit: 0 },
      throwHttpErrors: false,
      followRedirect: false,
      enableUnixSockets: true,
    }),
    httpGet: httpGetter(settings.address, socketPath(settings)),
  };
  return {
    get: (path, getOptions) => get(connection, path, getOptions),
    put: (path, putOptions) => get(connection, path, putOptions),
    stream: (path, streamOptions) => openStream(connection, path, streamOptions),
    close: () => connection.agents.close(),
  };
}

type SendOptions = GetOptions & { readonly json?: object };

async function get(connection: Connection, path: string, options: SendOptions) {
  const first = await send(connection, path, options);
  const refused = first.statusCode === 401 || first.statusCode === 403;
  const again = refused && (await connection.token.reload());
  return answer(again ? await send(connection, path, options) : first, path, options, connection);
}

/** What is used of a response. */
interface Answer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function send(connection: Connection, path: string, options: SendOptions): Promise<Answer> {
  const { agents } = connection;
  // A write takes no connection that Nomad may be about to close.
  if (options.json !== undefined) return sendOver(agents.fresh, connection, path, options);
  const kept = options.waitMs === undefined ? agents.short : agents.long;
  try {
    return await sendOver(kept, connection, path, options);
  } catch (error) {
    if (!(error instanceof DiedIdle)) throw error;
    // Other keep-alive connections may be dead too. A new one shows whether Nomad is up.
    agents.dropIdle();
    return await sendOver(agents.fresh, connection, path, options);
  }
}

async function sendOver(
  agent: Agents['fresh'],
  connection: Connection,
  path: string,
  options: SendOptions,
): Promise<Answer> {
  const deadlineMs =
    (options.timeoutMs ?? connection.settings.requestTimeoutMs) + (options.waitMs ?? 0);
  const isGet = options.post === undefined && options.json === undefined;
  const sendOnce = isGet ? sendBare : sendByGot;
  connection.agents.refresh();
  try {
    const answer = await sendOnce(agent, connection, path, options, deadlineMs);
    connection.onResponse(statusClassOf(answer.statusCode));
    return answer;
  } catch (error) {
    if (error instanceof DiedIdle || error instanceof MalformedAnswer) throw error;
    throw toConnectorError(connection, error, path, options.signal, deadlineMs);
  }
}

async function sendBare(
  agent: Agents['fresh'],
  connection: Connection,
  path: string,
  { query, signal, ofOne = false, before }: GetOptions,
  deadlineMs: number,
): Promise<Answer> {
  const { agents, limits, settings } = connection;
  const most = ofOne ? limits.objectBytes : limits.answerBytes;
  try {
    return await connection.httpGet({
      ...{ agent, signal, deadlineMs, before, mostBytes: most, gzip: !ofOne },
      path: path + searchOf(settings, query),
      headers: await headers(connection),
    });
  } catch (error) {
    if (!(error instanceof ReadFailure)) throw error;
    if (error.why === 'long') throw tooLong(path, ofOne ? 'object_bytes' : 'answer_bytes', most);
    const isKept = error.socket !== undefined && agents.wasUsed(error.socket);
    throw isKept && isBroken(error) ? new DiedIdle() : error;
  }
}

/** Posts and writes. */
async function sendByGot(
  agent: Agents['fresh'],
  connection: Connection,
  path: string,
  options: SendOptions,
  deadlineMs: number,
): Promise<Answer> {
  const deadline = withDeadline(options.signal, deadlineMs);
  try {
    return await sendUntil(deadline.signal, agent, connection, path, options);
  } finally {
    deadline.done();
  }
}

async function sendUntil(
  signal: AbortSignal,
  agent: Agents['fresh'],
  connection: Connection,
  path: string,
  options: SendOptions,
): Promise<Answer> {
  const { http, agents, limits, settings } = connection;
  let socket: Socket | undefined;
  const request = http(requestUrl(settings, path, options.query), {
    ...(options.post === undefined ? {} : { method: 'POST', json: options.post }),
    ...(options.json === undefined ? {} : { method: 'PUT', json: options.json }),
    headers: await headers(connection),
    agent,
    signal,
    responseType: 'buffer',
  });
  void request.on('request', (sent: ClientRequest) => {
    sent.once('socket', (its) => (socket = its));
  });
  const isOver = cancelBeyond(request, limits.answerBytes);
  return request.catch((error: unknown) => {
    if (isOver()) throw tooLong(path, 'answer_bytes', limits.answerBytes);
    const isKept = socket !== undefined && agents.wasUsed(socket);
    throw isKept && isBroken(error) ? new DiedIdle() : error;
  });
}

function tooLong(
  path: string,
  limit: 'object_bytes' | 'answer_bytes',
  most: number,
): MalformedAnswer {
  const message = `Nomad's answer to ${path} is longer than ${most} bytes (limits.${limit})`;
  return new MalformedAnswer(message, limit);
}

async function answer(
  response: Answer,
  path: string,
  options: SendOptions,
  { redact }: Connection,
): Promise<NomadResponse> {
  const status = response.statusCode;
  const index = indexOf(response.headers['x-nomad-index']);
  const knownLeader = response.headers['x-nomad-knownleader'] === 'true';
  if (status !== 200) {
    if (options.allow?.includes(status)) return { status, index, knownLeader, body: undefined };
    throw statusError(status, path, response.body.toString(), redact);
  }
  const json = (): unknown => parseJson(response.body.toString(), path);
  const body = options.read === undefined ? json() : await options.read(response.body, json);
  if (options.post !== undefined || options.json !== undefined)
    return { status, index, knownLeader, body };
  const unwritten = options.maybeUnwritten === true && Array.isArray(body) && body.length === 0;
  if (!isTrusted({ index: unwritten ? 1 : index, knownLeader })) {
    throw new ConnectorError(
      'nomad-untrusted',
      `Nomad answered ${path} with index ${index} and known leader ${knownLeader}: ` +
        'the cluster has no leader, or the token lacks read-job',
    );
  }
  return { status, index, knownLeader, body };
}

async function openStream(
  connection: Connection,
  path: string,
  options: { query?: Query; signal: AbortSignal },
): Promise<Readable> {
  const { http, agents, settings, onResponse } = connection;
  agents.refresh();
  const stream = http.stream(requestUrl(settings, path, options.query), {
    headers: await headers(connection),
    agent: agents.long,
    signal: options.signal,
    isStream: true,
    // A compressing proxy may buffer heartbeats.
    decompress: false,
  });
  return new Promise((resolve, reject) => {
    // Stays attached, so that a late error is never unhandled.
    stream.on('error', (error: unknown) => {
      reject(toConnectorError(connection, error, path, options.signal, settings.requestTimeoutMs));
    });
    stream.once('response', (response: Response) => {
      onResponse(statusClassOf(response.statusCode));
      if (response.statusCode === 200) return resolve(stream);
      stream.destroy();
      reject(statusError(response.statusCode, path, '', connection.redact));
    });
  });
}

function requestUrl(settings: NomadSettings, path: string, query?: Query): string {
  return `${baseUrl(settings)}${path}${searchOf(settings, query)}`;
}

function searchOf(settings: NomadSettings, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) parameters.append(name, String(one));
  }
  if (settings.region !== undefined) parameters.set('region', settings.region);
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

function baseUrl(settings: NomadSettings): string {
  const path = socketPath(settings);
  return path === undefined ? settings.address.replace(/\/+$/, '') : `unix:${path}:`;
}

function socketPath({ unixSocket }: NomadSettings): string | undefined {
  return unixSocket?.replace(/^unix:(\/\/)?/, '');
}

async function headers({ token }: Connection): Promise<Record<string, string>> {
  const value = await token.current();
  return value === undefined ? {} : { 'x-nomad-token': value };
}

function toConnectorError(
  connection: Connection,
  error: unknown,
  path: string,
  caller: AbortSignal,
  deadlineMs: number,
): ConnectorError {
  const url = baseUrl(connection.settings).replace(/\/\/[^/@]*@/, '//');
  const translated = translate(error, { url, path }, caller, deadlineMs);
  if (translated.code === 'nomad-unreachable') connection.onResponse('error');
  return translated;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new MalformedAnswer(`Nomad's answer to ${path} is not JSON`);
  }
}

function indexOf(header: string | readonly string[] | undefined): number {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : 0;
}

function withDeadline(signal: AbortSignal, ms: number): { signal: AbortSignal; done(): void } {
  const scope = scopeOf(signal);
  const timer = setTimeout(() => scope.abort(), ms);
  return {
    signal: scope.signal,
    done: () => {
      clearTimeout(timer);
      scope.done();
    },
  };
}
