import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import type { CheckTalk, Probe, ServerCheck } from '../../haproxy/server-check.js';
import { judge } from './model/judge.js';

export const probeResults = ['passed', 'unreachable', 'late', 'refused'] as const;

export interface ProbeResult {
  readonly result: (typeof probeResults)[number];
  /** For people: an error's code, or what was wrong. */
  readonly why?: string;
}

/** A check may take longer, but then HAProxy's own decides. */
const longestMs = 2000;
/** HAProxy looks at one buffer (`tune.bufsize`). */
const mostBytes = 16_384;

/**
 * Runs a check as HAProxy does: on a connection of its own, with the same bytes. Never follows a
 * redirect, reads 16 KiB and takes 2 s at most, and never throws.
 */
export function runCheck(
  { address, port, check }: Pick<Probe, 'address' | 'port' | 'check'>,
  signal: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    let socket: Socket;
    try {
      socket = open(address, port, check);
    } catch (error) {
      return resolve({ result: 'unreachable', why: codeOf(error as Error) });
    }
    let answer = Buffer.alloc(0);
    const end = (result: ProbeResult['result'], why?: string): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      socket.destroy();
      resolve(why === undefined ? { result } : { result, why });
    };
    const stop = (): void => end('unreachable', 'stopped');
    const look = (isWhole: boolean): void => {
      const passes = judge(check.talk, answer, isWhole || answer.length >= mostBytes);
      if (passes !== undefined) end(passes ? 'passed' : 'refused', passes ? undefined : 'answer');
    };
    const limit = Math.min(check.timeoutMs, longestMs);
    const timer = setTimeout(() => end('late', `no answer in ${limit} ms`), limit);
    signal.addEventListener('abort', stop, { once: true });
    socket.on('error', (error) => end('unreachable', codeOf(error)));
    socket.once(check.tls === undefined ? 'connect' : 'secureConnect', () => {
      if (check.talk.kind === 'connect') return end('passed');
      socket.write(bytesOf(check.talk));
    });
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk.subarray(0, mostBytes - answer.length)]);
      look(false);
    });
    socket.on('end', () => look(true));
  });
}

/** Like HAProxy's checks, it tests health, not whose certificate it is. */
function open(host: string, port: number, { tls }: ServerCheck): Socket {
  if (tls === undefined) return connectTcp({ host, port });
  const { name: servername = '', alpn } = tls;
  const protocols = alpn === undefined ? {} : { ALPNProtocols: [alpn] };
  return connectTls({ host, port, servername, rejectUnauthorized: false, ...protocols });
}

function bytesOf(talk: Exclude<CheckTalk, { readonly kind: 'connect' }>): Buffer {
  return talk.kind === 'http' ? Buffer.from(talk.request) : Buffer.from(talk.send, 'hex');
}

function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? 'connection failed';
}
