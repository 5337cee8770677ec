/**
 * One GET by node:http alone. A start makes two per service, each pass reads megabytes, and what a
 * general client does around each of them costs more than all the rest of the read
 * (docs/performance.md). Nothing is redirected or tried again here.
 */

import { setMaxListeners } from 'node:events';
import {
  request as overHttp,
  type Agent as HttpAgent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { request as overHttps, type Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { urlToHttpOptions } from 'node:url';
import { createGunzip } from 'node:zlib';

import { Collector } from './collect.js';

export interface AgentPair {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpRead {
  readonly agent: AgentPair;
  /** Of the request line. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  /** Of the answer's body, uncompressed. */
  readonly mostBytes: number;
  /** The answer may be compressed on its way. */
  readonly gzip?: boolean;
  /** The body of an earlier answer: the same buffer is given where this one is the same to the byte. */
  readonly before?: Buffer | undefined;
}

/**
 * | why | the read ended without an answer |
 * |---|---|
 * | broken | the connection failed, with Node's code |
 * | late | at the deadline, or its caller ended it |
 * | long | the answer exceeds `mostBytes` |
 */
export class ReadFailure extends Error {
  readonly why: 'broken' | 'late' | 'long';
  readonly code: string;
  /** It broke in the middle of the answer. */
  readonly cut: boolean;
  readonly socket: Socket | undefined;

  constructor(
    why: ReadFailure['why'],
    at: { readonly cut: boolean; readonly socket: Socket | null } = { cut: false, socket: null },
    cause?: NodeJS.ErrnoException,
  ) {
    super(why, { cause });
    this.why = why;
    this.code = cause?.code ?? '';
    this.cut = at.cut;
    this.socket = at.socket ?? undefined;
  }
}

export type HttpGet = (read: HttpRead) => Promise<HttpAnswer>;

/** `base`: the server's address. Over a Unix socket, its host and path mean nothing. */
export function httpGetter(base: string, socketPath?: string): HttpGet {
  const { place, prefix, isTls } =
    socketPath === undefined
      ? placeOf(new URL(base))
      : { place: { socketPath }, prefix: '', isTls: false };
  return (read) =>
    new Promise((resolve, reject) => {
      const compressed = read.gzip === true ? { 'accept-encoding': 'gzip' } : {};
      const headers = { ...compressed, ...read.headers };
      const options = { ...place, path: prefix + read.path, headers };
      const sent = isTls
        ? overHttps({ ...options, agent: read.agent.https })
        : overHttp({ ...options, agent: read.agent.http });
      follow(sent, read, resolve, reject);
      sent.end();
    });
}

function placeOf(url: URL) {
  const { protocol, hostname, port, auth } = urlToHttpOptions(url);
  const place = { protocol, hostname, port, ...(auth === undefined ? {} : { auth }) };
  return { place, prefix: url.pathname.replace(/\/+$/, ''), isTls: url.protocol === 'https:' };
}

function follow(
  sent: ClientRequest,
  { signal, deadlineMs, mostBytes, before }: HttpRead,
  resolve: (answer: HttpAnswer) => void,
  reject: (failure: ReadFailure) => void,
): void {
  let content: Readable | undefined;
  const end = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  };
  const fail = (why: ReadFailure['why'], cause?: NodeJS.ErrnoException): void => {
    end();
    reject(new ReadFailure(why, { cut: content !== undefined, socket: sent.socket }, cause));
    sent.destroy();
    content?.destroy();
  };
  const stop = (): void => fail('late');
  const broken = (error: Error): void => fail('broken', error);
  const timer = setTimeout(stop, deadlineMs);
  // Many requests share a signal. Each removes its listener.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', stop);
  sent.on('error', broken);
  sent.on('response', (answer) => {
    const body = new Collector(before);
    content = contentOf(answer);
    content.on('data', (chunk: Buffer) => {
      if (body.length + chunk.length > mostBytes) return fail('long');
      body.push(chunk);
    });
    answer.on('error', broken);
    if (content !== answer) content.on('error', broken);
    content.on('end', () => {
      end();
      const { statusCode = 0, headers } = answer;
      resolve({ statusCode, headers, body: body.end() });
    });
  });
  if (signal.aborted) stop();
}

function contentOf(answer: IncomingMessage): Readable {
  return answer.headers['content-encoding'] === 'gzip' ? answer.pipe(createGunzip()) : answer;
}
