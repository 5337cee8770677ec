/** got's errors contain tokens, so they are never passed on, not even as a cause. */

import { AbortError, RequestError } from 'got';
import { ConnectorError } from '../../shared/errors.js';
import { ReadFailure } from '../../shared/http-get.js';

/** `redact` sees the whole body: half a token at the end of a cut one would not be known as such. */
export function statusError(
  status: number,
  path: string,
  body: string,
  redact: (text: string) => string,
): ConnectorError {
  const said = redact(body)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 200);
  const message = `Nomad answered ${path} with ${status}${said === '' ? '' : `: ${said}`}`;
  const refused = status === 401 || status === 403;
  if (status !== 403)
    return new ConnectorError(refused ? 'nomad-refused' : 'nomad-failed', message);
  return new ConnectorError('nomad-refused', `${message}: the token may lack ${rightFor(path)}`);
}

/** Turns HCL into a job. */
export const parsePath = '/v1/jobs/parse';

/** Nomad's answer doesn't name the right. */
function rightFor(path: string): string {
  if (path === parsePath) return 'parse-job';
  return path === '/v1/jobs' ? 'list-jobs' : 'read-job';
}

export function translate(
  error: unknown,
  { url, path }: { readonly url: string; readonly path: string },
  caller: AbortSignal,
  deadlineMs: number,
): ConnectorError {
  if (error instanceof ConnectorError) return error;
  if (caller.aborted) return new ConnectorError('aborted', `stopped reading ${path} from Nomad`);
  const isLate =
    error instanceof AbortError || (error instanceof ReadFailure && error.why === 'late');
  const broken = brokenBy(error);
  const why =
    broken === undefined
      ? 'unknown failure'
      : `${broken.code}${broken.cut ? ' in the middle of the answer' : ''}`;
  const reason = isLate ? `no answer within ${deadlineMs} ms` : why;
  return new ConnectorError(
    'nomad-unreachable',
    `Nomad at ${url}: request for ${path} failed: ${reason}`,
  );
}

/**
 * An answer that isn't what was asked for: no JSON, another shape, or too much. A read of one job or
 * service then concerns that one alone.
 */
export class MalformedAnswer extends ConnectorError {
  /** The limit that its size exceeds. */
  readonly limit: 'answer_bytes' | 'object_bytes' | undefined;

  constructor(message: string, limit?: 'answer_bytes' | 'object_bytes') {
    super('nomad-untrusted', message);
    this.limit = limit;
  }
}

/**
 * Nomad closed a keep-alive connection just as it was used, which is harmless. The client retries
 * on a new connection, so this error never leaves it.
 */
export class DiedIdle extends Error {}

/** The connection broke before any answer. */
export function isBroken(error: unknown): boolean {
  const broken = brokenBy(error);
  return broken?.cut === false && (broken.code === 'ECONNRESET' || broken.code === 'EPIPE');
}

/** got's error, or that of a read without it. `cut`: in the middle of the answer. */
function brokenBy(error: unknown): { readonly code: string; readonly cut: boolean } | undefined {
  if (error instanceof RequestError) {
    return { code: error.code, cut: error.response !== undefined };
  }
  return error instanceof ReadFailure ? error : undefined;
}
