/**
 * One GET by node:http alone, for the reads of single services, jobs and allocations: a start makes
 * two per service, and what a general client does around each of them costs more than all the rest
 * of the read (docs/performance.md). Nothing is redirected, tried again or decompressed here.
 */

import { request as overHttp, type ClientRequest, type IncomingHttpHeaders } from 'node:http';
import { request as overHttps } from 'node:https';
import type { Socket } from 'node:net';
import { urlToHttpOptions } from 'node:url';

import type { AgentPair } from './agents.js';

export interface OneAnswer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface OneRead {
  readonly agent: AgentPair;
  /** Of the request line. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  /** Of the answer's body. */
  readonly mostBytes: number;
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
    { code = '', cut = false, socket }: { code?: string; cut?: boolean; socket?: Socket | null },
  ) {
    super(why);
    this.why = why;
    this.code = code;
    this.cut = cut;
    this.socket = socket ?? undefined;
  }
}

export type ReadOne = (read: OneRead) => Promise<OneAnswer>;

/** `base`: Nomad's address. Over a Unix socket, its host and path mean nothing. */
export function readerOfOne(base: string, socketPath?: string): ReadOne {
  const { place, prefix, isTls } =
    socketPath === undefined
      ? placeOf(new URL(base))
      : { place: { socketPath }, prefix: '', isTls: false };
  return (read) =>
    new Promise((resolve, reject) => {
      const options = { ...place, path: prefix + read.path, headers: read.headers };
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
  { signal, deadlineMs, mostBytes }: OneRead,
  resolve: (answer: OneAnswer) => void,
  reject: (failure: ReadFailure) => void,
): void {
  let cut = false;
  const end = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  };
  const fail = (why: ReadFailure['why'], code = ''): void => {
    end();
    reject(new ReadFailure(why, { code, cut, socket: sent.socket }));
    sent.destroy();
  };
  const stop = (): void => fail('late');
  const broken = (error: Error): void => fail('broken', (error as NodeJS.ErrnoException).code);
  const timer = setTimeout(stop, deadlineMs);
  signal.addEventListener('abort', stop);
  sent.on('error', broken);
  sent.on('response', (answer) => {
    cut = true;
    const chunks: Buffer[] = [];
    let length = 0;
    answer.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > mostBytes) return fail('long');
      chunks.push(chunk);
    });
    answer.on('error', broken);
    answer.on('end', () => {
      end();
      const { statusCode = 0, headers } = answer;
      const [first] = chunks;
      const body = first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
      resolve({ statusCode, headers, body });
    });
  });
  if (signal.aborted) stop();
}
