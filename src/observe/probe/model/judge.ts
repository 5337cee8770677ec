import type { CheckTalk } from '../../../haproxy/server-check.js';

/**
 * Whether an answer passes the check, as HAProxy judges it; undefined while that depends on what is
 * still to come.
 */
export function judge(talk: CheckTalk, answer: Buffer, isWhole: boolean): boolean | undefined {
  const verdict = verdictOf(talk, answer);
  return verdict === undefined && isWhole ? false : verdict;
}

function verdictOf(talk: CheckTalk, answer: Buffer): boolean | undefined {
  switch (talk.kind) {
    case 'connect':
      return true;
    case 'binary':
      return answer.includes(Buffer.from(talk.expect, 'hex')) ? true : undefined;
    case 'http':
      return httpVerdict(talk.expect, answer.toString('latin1'));
  }
}

type Expect = Extract<CheckTalk, { readonly kind: 'http' }>['expect'];

const statusLine = /^HTTP\/1\.[01] (\d{3})[ \r]/;

function httpVerdict(expect: Expect, text: string): boolean | undefined {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const status = Number(statusLine.exec(text)?.[1]);
  if (Number.isNaN(status)) return false;
  if (expect?.match === 'string') {
    return text.slice(head + 4).includes(expect.pattern) ? true : undefined;
  }
  return isExpected(expect?.pattern ?? '200-399', status);
}

/** `200-299,301`. */
function isExpected(pattern: string, status: number): boolean {
  return pattern.split(',').some((range) => {
    const [least, most = least] = range.split('-').map(Number);
    return least !== undefined && most !== undefined && status >= least && status <= most;
  });
}
