import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';

import { got, type Got, type Method } from 'got';

import { createRedactor, secretsOfTarget } from '../config/redact.js';
import type { TargetSettings } from '../config/types.js';
import { ConnectorError, type ErrorCode } from '../shared/errors.js';
import type { Json } from '../shared/json.js';
import { parseLong } from '../shared/json-list.js';
import { cancelBeyond } from '../shared/answer-size.js';
import { never, scopeOf } from '../shared/concurrent.js';
import {
  type AgentPair,
  type HttpAnswer,
  httpGetter,
  type HttpGet,
  ReadFailure,
} from '../shared/http-get.js';
import { type StatusClass, statusClassOf } from '../shared/status-class.js';
import { followTlsFiles, type TlsFiles, type TlsReread } from '../shared/tls-files.js';

export interface DataPlaneResponse {
  readonly status: number;
  /** `Configuration-Version`, in every answer about the configuration. */
  readonly version?: number;
  /** `Configuration-Checksum`, in answers to `GET /configuration/raw`. */
  readonly checksum?: string;
  readonly reloadId?: string;
  /** Parsed if the answer is JSON, otherwise text. */
  readonly body: unknown;
  /** The answer itself, where it was asked for with `before`. */
  readonly bytes?: Buffer;
}

export interface RequestOptions {
  /**
   * An earlier answer to the same request, or none yet. If this one is the same to the byte, it isn't
   * parsed again: its body is the same object.
   */
  readonly before?: DataPlaneResponse | undefined;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly signal?: AbortSignal;
}

export interface WriteOptions extends RequestOptions {
  readonly json?: Json;
  /** Sent as text/plain, for the raw configuration and map files. */
  readonly text?: string;
  /** Sent as the multipart field `file_upload`, for new and general storage files. */
  readonly file?: { readonly name: string; readonly content: string };
  readonly headers?: Readonly<Record<string, string>>;
  /** Asked just before the request is sent. False: it is not, and that is an error (`not-leader`). */
  readonly mayWrite?: () => boolean;
}

/** Can only send GET, for dry runs. */
export interface DataPlaneReader {
  readonly url: string;
  get(path: string, options?: RequestOptions): Promise<DataPlaneResponse>;
}

export interface DataPlaneWriter extends DataPlaneReader {
  send(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    options?: WriteOptions,
  ): Promise<DataPlaneResponse>;
}

export interface ClientHooks {
  /** Bytes of an answer, uncompressed. */
  readonly answerBytes?: number;
  readonly onResponse?: (statusClass: StatusClass) => void;
  /** Called when TLS files changed. */
  readonly onTls?: (reread: TlsReread) => void;
}

const services = '/v3/services/haproxy';
const idleMs = 4000;
/** How long the process may be busy without checking its connections. */
const busyMs = 100;

interface Client {
  readonly http: Got;
  readonly httpGet: HttpGet;
  readonly agent: AgentPair;
  readonly tls: TlsFiles;
  /** For the texts of refusals, which may quote the request. */
  readonly redact: (text: string) => string;
  /** Time of the last answer. */
  heardAt: number;
}

/**
 * A client for the Data Plane API (v3). Paths are relative to `/v3/services/haproxy` unless they
 * begin with `/v3`. Every status is an answer; only a failed connection is an error
 * (`haproxy-unreachable`). got's errors contain the password, so they never leave this file.
 */
export function createDataPlaneReader(
  settings: TargetSettings,
  hooks: ClientHooks = {},
): DataPlaneReader {
  const client = clientOf(settings, hooks);
  return {
    url: settings.address,
    get: (path, options = {}) => request(client, settings, hooks, 'GET', path, options),
  };
}

export function createDataPlaneWriter(
  settings: TargetSettings,
  hooks: ClientHooks = {},
): DataPlaneWriter {
  const client = clientOf(settings, hooks);
  return {
    url: settings.address,
    get: (path, options = {}) => request(client, settings, hooks, 'GET', path, options),
    send: (method, path, options = {}) => request(client, settings, hooks, method, path, options),
  };
}

/**
 * The same client, as long as `mayWrite`. Only transactions may be closed at any time: that changes
 * nothing in HAProxy.
 */
export function guardWrites(writer: DataPlaneWriter, mayWrite: () => boolean): DataPlaneWriter {
  return {
    ...writer,
    send: (method, path, options = {}) => {
      const closes = method === 'DELETE' && path.startsWith('/transactions/');
      return writer.send(method, path, closes ? options : { ...options, mayWrite });
    },
  };
}

function clientOf(settings: TargetSettings, { onTls }: ClientHooks): Client {
  // The Data Plane API closes idle connections. A write must not use one that is about to close.
  const kept = { keepAlive: true, maxSockets: 8, timeout: idleMs };
  const agent = { http: new HttpAgent(kept), https: new HttpsAgent(kept) };
  const tls = followTlsFiles({
    ...{ settings, peer: 'the Data Plane API', agents: [agent.https] },
    ...(onTls === undefined ? {} : { onReread: onTls }),
  });
  const http = got.extend({
    username: settings.username,
    password: settings.password,
    throwHttpErrors: false,
    retry: { limit: 0 },
    decompress: false,
    // A redirect would take the credentials and the whole configuration to another server.
    followRedirect: false,
    agent,
  });
  const { redact } = createRedactor(secretsOfTarget(settings));
  return { http, httpGet: httpGetter(settings.address), agent, tls, redact, heardAt: 0 };
}

/**
 * After a long computation, Node needs a turn of its event loop to notice connections closed in the
 * meantime. A write on one of them would fail and must not be sent twice.
 */
async function lookAround(client: Client): Promise<void> {
  if (performance.now() - client.heardAt < busyMs) return;
  await delay(1);
  await turn();
}

async function request(
  client: Client,
  settings: TargetSettings,
  hooks: ClientHooks,
  method: Method,
  path: string,
  options: WriteOptions,
): Promise<DataPlaneResponse> {
  try {
    await lookAround(client);
    client.tls.refresh();
    if (options.mayWrite?.() === false) {
      throw new ConnectorError(
        'not-leader',
        `not the leader any longer: ${method} ${path} not sent`,
      );
    }
    const send = method === 'GET' ? get : write;
    const response = await send(client, settings, hooks, { ...options, method, path });
    client.heardAt = performance.now();
    hooks.onResponse?.(statusClassOf(response.statusCode));
    requireItsOwn(response, `Data Plane API ${settings.address}: ${method} ${path}`);
    const { statusCode: status, headers } = response;
    const isRefusal = status >= 300;
    const bytes = isRefusal ? Buffer.from(client.redact(response.body.toString())) : response.body;
    return await answerOf(status, headers, bytes, options);
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    hooks.onResponse?.('error');
    if (options.signal?.aborted) throw new ConnectorError('aborted', 'stopped');
    const [code, why] = reasonOf(error, settings, hooks);
    throw new ConnectorError(code, `Data Plane API ${settings.address}: ${method} ${path}: ${why}`);
  }
}

type Sent = WriteOptions & { readonly method: Method; readonly path: string };

/** Without got: a pass reads megabytes, and the watch of HAProxy reads once a second. */
function get(
  { httpGet, agent }: Client,
  { username, password, requestTimeoutMs: deadlineMs }: TargetSettings,
  { answerBytes: mostBytes = Infinity }: ClientHooks,
  { path, query = {}, signal = never, before }: Sent,
): Promise<HttpAnswer> {
  const pairs = Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]);
  const search = new URLSearchParams(pairs);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return httpGet({
    ...{ agent, signal, deadlineMs, mostBytes, before: before?.bytes, headers: { authorization } },
    path: pathOf(path) + (search.size === 0 ? '' : `?${search.toString()}`),
  });
}

async function write(
  { http }: Client,
  settings: TargetSettings,
  { answerBytes = Infinity }: ClientHooks,
  { method, path, ...options }: Sent,
): Promise<HttpAnswer> {
  const scope = scopeOf(options.signal ?? never);
  const deadline = setTimeout(() => scope.abort(), settings.requestTimeoutMs);
  let isOver = (): boolean => false;
  try {
    const sent = http(settings.address + pathOf(path), {
      method,
      searchParams: options.query ?? {},
      signal: scope.signal,
      ...bodyOf(options),
      headers: { ...headersOf(options), ...options.headers },
      responseType: 'buffer',
    });
    isOver = cancelBeyond(sent, answerBytes);
    return await sent;
  } catch (error) {
    if (isOver()) throw new ReadFailure('long');
    throw scope.signal.aborted ? new ReadFailure('late') : error;
  } finally {
    clearTimeout(deadline);
    scope.done();
  }
}

function reasonOf(
  error: unknown,
  { requestTimeoutMs }: TargetSettings,
  { answerBytes }: ClientHooks,
): [code: ErrorCode, why: string] {
  const end = error instanceof ReadFailure ? error.why : 'broken';
  if (end === 'long') {
    return [
      'haproxy-failed',
      `the answer is longer than ${answerBytes} bytes (limits.answer_bytes)`,
    ];
  }
  const why = end === 'late' ? `no answer in ${requestTimeoutMs} ms` : codeOf(error);
  return ['haproxy-unreachable', why];
}

/** The Data Plane API never redirects, and answers no web pages: those are a proxy's. */
function requireItsOwn({ statusCode, headers }: HttpAnswer, what: string): void {
  if (statusCode >= 300 && statusCode < 400) {
    throw new ConnectorError(
      'haproxy-failed',
      `${what}: HTTP ${statusCode}: redirects are not followed; haproxy.address must be the API's own`,
    );
  }
  if (statusCode < 300 && /^text\/html/i.test(headers['content-type'] ?? '')) {
    throw new ConnectorError('haproxy-failed', `${what}: the answer is a web page`);
  }
}

function pathOf(path: string): string {
  return path.startsWith('/v3') ? path : services + path;
}

function bodyOf({ json, text, file }: WriteOptions): object {
  if (json !== undefined) return { json };
  if (text !== undefined) return { body: text };
  if (file === undefined) return {};
  const form = new FormData();
  form.append('file_upload', new Blob([file.content]), file.name);
  return { body: form };
}

function headersOf({ text }: WriteOptions): Record<string, string> {
  return text === undefined ? {} : { 'content-type': 'text/plain' };
}

function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `${code}: ${wrongName(cause)}`;
  return typeof code === 'string' && code !== '' ? code : 'request failed';
}

/** Of Node's error about a certificate: https://nodejs.org/api/tls.html#tlscheckserveridentityhostname-cert */
function wrongName(cause: unknown): string {
  const { host, cert } = (cause ?? {}) as { host?: string; cert?: { subjectaltname?: string } };
  const names = (cert?.subjectaltname ?? '').slice(0, 200) || 'no name';
  return `the certificate is for ${names}, not for ${host}; set haproxy.tls_server_name to the name in it`;
}

async function answerOf(
  status: number,
  headers: Record<string, string | string[] | undefined>,
  bytes: Buffer,
  options: RequestOptions,
): Promise<DataPlaneResponse> {
  const { before } = options;
  const isSame = before?.status === status && before.bytes === bytes;
  const isJson = String(headers['content-type'] ?? '').includes('json');
  const version = Number(headers['configuration-version']);
  const checksum = headers['configuration-checksum'];
  const reloadId = headers['reload-id'];
  return {
    status,
    ...(Number.isInteger(version) && headers['configuration-version'] ? { version } : {}),
    ...(typeof checksum === 'string' ? { checksum } : {}),
    ...(typeof reloadId === 'string' ? { reloadId } : {}),
    ...('before' in options ? { bytes } : {}),
    body: isSame ? before.body : isJson ? await parse(bytes) : bytes.toString(),
  };
}

async function parse(bytes: Buffer): Promise<unknown> {
  try {
    return await parseLong(bytes);
  } catch {
    return bytes.toString();
  }
}
