import { expect } from 'chai';
import fc from 'fast-check';

import { type HostSet, isWithin, overlap } from '../../src/desired/host-sets.js';
import { isSafeRegex } from '../../src/desired/regex.js';

const exact = (host: string): HostSet => ({ match: 'exact', host });
const wildcard = (host: string): HostSet => ({ match: 'wildcard', host });
const prefix = (host: string): HostSet => ({ match: 'prefix', host });
const regex = (host: string): HostSet => ({ match: 'regex', host });

describe('overlap', () => {
  const cases: readonly (readonly [HostSet, HostSet, boolean])[] = [
    [exact('a.io'), exact('a.io'), true],
    [exact('a.io'), exact('b.io'), false],
    [wildcard('a.io'), exact('x.a.io'), true],
    [wildcard('a.io'), exact('a.io'), false],
    [wildcard('a.io'), exact('xa.io'), false],
    [wildcard('a.io'), wildcard('b.a.io'), true],
    [wildcard('a.io'), wildcard('b.io'), false],
    [prefix('api.'), exact('api.io'), true],
    [prefix('api.'), exact('app.io'), false],
    [prefix('api.'), wildcard('io'), true],
    [prefix('a.io'), wildcard('b.io'), true],
    [prefix('api.'), prefix('ap'), true],
    [prefix('api.'), prefix('web.'), false],
    [regex('.*'), exact('a.io'), true],
    [regex('^api[0-9]+[.]a[.]io$'), exact('api7.a.io'), true],
    [regex('^api[0-9]+[.]a[.]io$'), exact('api.a.io'), false],
    [regex('^api[0-9]+[.]a[.]io$'), regex('^a......a.io.?.?.?$'), true],
    [regex('^api[0-9]+[.]a[.]io$'), regex('^web[0-9]+[.]a[.]io$'), false],
    [regex('^a|b$'), exact('xb'), true],
    [regex('^a|b$'), exact('xbx'), false],
    [regex('^(?:a|b)\\.io$'), exact('b.io'), true],
    [regex('^(?:a|b)\\.io$'), exact('c.io'), false],
    [regex('^[^a]\\.io$'), exact('a.io'), false],
    [regex('^\\d{2,3}\\.io$'), exact('1234.io'), false],
    [regex('^\\d{2,3}\\.io$'), exact('123.io'), true],
    [regex('[.]b[.]io$'), wildcard('a.io'), false],
    [regex('^([a-z0-9-]+\\.)+a\\.io$'), wildcard('b.a.io'), true],
    [regex('io$'), prefix('x'), true],
    [regex('^y'), prefix('x'), false],
  ];
  for (const [a, b, is] of cases) {
    it(`of ${a.match} ${a.host} and ${b.match} ${b.host} is ${is}`, () => {
      expect(overlap(a, b)).to.equal(is);
      expect(overlap(b, a)).to.equal(is);
    });
  }

  it('is never missed', () => {
    const piece = fc.constantFrom('a', 'b', '[ab]', '.', '\\.', '(?:a|b)', '\\d', '\\w', '[^a]');
    const count = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,2}', '+?');
    const pattern = fc
      .tuple(
        fc.constantFrom('', '^'),
        fc.array(fc.tuple(piece, count), { minLength: 1, maxLength: 4 }),
        fc.constantFrom('', '$'),
        fc.constantFrom('', '|b', '|^ab$'),
      )
      .map(([head, parts, tail, more]) => head + parts.flat().join('') + tail + more)
      .filter(isSafeRegex);
    const host = fc
      .array(fc.constantFrom('a', 'b', '.', '1', 'x'), { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(pattern, host, (text, name) => {
        const matches = new RegExp(text, 'u').test(name);
        // `(?:a|b){2}` and the like aside, the automaton is exact.
        expect(overlap(regex(text), exact(name)), `${text} ${name}`).to.equal(matches);
      }),
      { numRuns: 2000 },
    );
  });

  it('of patterns too large to compare is assumed', () => {
    const large = `^${'[a-z]{99}'.repeat(30)}$`;
    expect(overlap(regex(large), regex('^1$'))).to.equal(true);
  });
});

describe('isWithin', () => {
  const cases: readonly (readonly [HostSet, string, boolean])[] = [
    [exact('x.a.io'), '*.a.io', true],
    [exact('a.io'), '*.a.io', false],
    [exact('a.io'), 'a.io', true],
    [wildcard('a.io'), '*.a.io', true],
    [wildcard('b.a.io'), '*.a.io', true],
    [wildcard('io'), '*.a.io', false],
    [wildcard('a.io'), 'a.io', false],
    [prefix('x.a.io'), '*.a.io', false],
    [prefix('x'), '*', true],
    [regex('^x[0-9]\\.a\\.io$'), '*.a.io', true],
    [regex('^x[0-9].a\\.io$'), '*.a.io', false],
    [regex('^x[0-9]\\.a\\.io'), '*.a.io', false],
    [regex('\\.a\\.io$|b'), '*.a.io', false],
    [{ match: 'any', host: '' }, '*.a.io', false],
  ];
  for (const [set, listed, is] of cases) {
    it(`of ${set.match} ${set.host} in ${listed} is ${is}`, () => {
      expect(isWithin(set, listed)).to.equal(is);
    });
  }
});
