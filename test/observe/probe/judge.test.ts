import { expect } from 'chai';
import fc from 'fast-check';

import { judge } from '../../../src/observe/probe/model/judge.js';

type Expect = { readonly match: 'status' | 'string'; readonly pattern: string };

function judged(answer: string, given?: Expect, isWhole = true): boolean | undefined {
  const expected = given === undefined ? {} : { expect: given };
  return judge({ kind: 'http', request: '', ...expected }, Buffer.from(answer), isWhole);
}

const status = (code: number) => `HTTP/1.1 ${code} Whatever\r\nX-A: b\r\n\r\n`;

describe('an answer to a check', () => {
  it('passes with 2xx and 3xx, unless more is expected', () => {
    const passing = [200, 204, 301, 399, 100, 199, 400, 503].filter((code) => judged(status(code)));
    expect(passing).to.deep.equal([200, 204, 301, 399]);
  });

  it('passes with the expected statuses alone', () => {
    const given = { match: 'status', pattern: '200-204,404' } as const;
    const passing = [199, 200, 204, 205, 301, 404].filter((code) => judged(status(code), given));
    expect(passing).to.deep.equal([200, 204, 404]);
  });

  it('passes with the expected text in its body, whatever its status', () => {
    const given = { match: 'string', pattern: 'X-A' } as const;
    expect(judged(`${status(503)}is X-A here`, given)).to.equal(true);
    expect(judged(`${status(200)}not here`, given)).to.equal(false);
  });

  it('fails if it is no HTTP, or ends too early', () => {
    for (const text of ['', 'SSH-2.0-OpenSSH\r\n\r\n', 'HTTP/2 200\r\n\r\n', 'HTTP/1.1 200 OK']) {
      expect(judged(text), text).to.equal(false);
    }
  });

  it('is judged the same in whatever pieces it comes', () => {
    const answer = fc.oneof(
      fc.integer({ min: 100, max: 599 }).map((code) => `${status(code)}well or not`),
      fc.string(),
    );
    const given = fc.constantFrom<Expect | undefined>(
      undefined,
      { match: 'status', pattern: '200-299,404' },
      { match: 'string', pattern: 'well' },
    );
    fc.assert(
      fc.property(answer, given, fc.nat(), (text, expected, cut) => {
        const early = judged(text.slice(0, cut % (text.length + 1)), expected, false);
        if (early !== undefined) expect(early).to.equal(judged(text, expected));
        expect(judged(text, expected)).not.to.equal(undefined);
      }),
    );
  });

  it('of gRPC passes with the expected bytes anywhere in it', () => {
    const talk = { kind: 'binary', send: '', expect: '0801' } as const;
    expect(judge(talk, Buffer.from('ff0801', 'hex'), false)).to.equal(true);
    expect(judge(talk, Buffer.from('ff0802', 'hex'), false)).to.equal(undefined);
    expect(judge(talk, Buffer.from('ff0802', 'hex'), true)).to.equal(false);
  });
});
