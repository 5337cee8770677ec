import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

import { AbortError, got, RequestError } from 'got';

import { cancelBeyond } from '../../shared/answer-size.js';
import { scopeOf } from '../../shared/concurrent.js';
import { followTlsFiles, type TlsSettings } from '../../shared/tls-files.js';
import { httpsLack, lateCode, unreachable, wantsHttps, type Whom } from '../model/reach.js';
import { Lacking } from './source.js';

export interface AskOptions {
  readonly whom: Whom;
  /** Requests begin with it: a URL, or `unix:/path:`. */
  readonly base: string;
  readonly tls: TlsSettings;
  readonly answerBytes: number;
  /** Credentials; asked for at each request. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
}

export interface Reply {
  readonly status: number;
  /** Parsed if it is JSON. */
  readonly body: unknown;
  /** Milliseconds that the other clock is ahead; it tells whole seconds. */
  readonly aheadMs?: number;
}

/** One GET. Any status is a reply; without one, what is wrong is told as a lack. */
export type Ask = (path: string, signal: AbortSignal) => Promise<Reply>;

/**
 * Apart from the clients of a pass, because those hide what this is about: the status of each
 * answer, the error's code and the header `Date`. Throws `config-invalid` for TLS files.
 */
export function asker({ whom, base, tls, answerBytes, headers }: AskOptions): Ask {
  const https = new HttpsAgent();
  followTlsFiles({ settings: tls, peer: whom.name, agents: [https] });
  const http = got.extend({
    agent: { http: new HttpAgent(), https },
    retry: { limit: 0 },
    throwHttpErrors: false,
    followRedirect: false,
    enableUnixSockets: true,
  });

  return async (path, signal) => {
    const scope = scopeOf(signal);
    const timer = setTimeout(() => scope.abort(), whom.timeoutMs);
    const began = Date.now();
    const sent = http(base + path, { headers: await headers(), signal: scope.signal });
    const isOver = cancelBeyond(sent, answerBytes);
    try {
      const { statusCode: status, headers: said, body } = await sent;
      if (wantsHttps(status, body)) throw new Lacking(httpsLack(whom));
      return { status, body: parse(body), ...aheadOf(said.date, began, Date.now()) };
    } catch (error) {
      if (error instanceof Lacking) throw error;
      throw new Lacking(unreachable(whom, isOver() ? 'TOO_LONG' : codeOf(error)));
    } finally {
      clearTimeout(timer);
      scope.done();
    }
  };
}

/** got's errors hold credentials: nothing but the code leaves this file. */
function codeOf(error: unknown): string {
  if (error instanceof AbortError) return lateCode;
  return error instanceof RequestError ? error.code : 'UNKNOWN';
}

/** From the middle of the request, and of the second that the header names. */
function aheadOf(date: string | undefined, began: number, ended: number): Pick<Reply, 'aheadMs'> {
  const theirs = Date.parse(date ?? '');
  return Number.isNaN(theirs) ? {} : { aheadMs: theirs + 500 - (began + ended) / 2 };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
