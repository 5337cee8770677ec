import { expect } from 'chai';
import fc from 'fast-check';

import { accepted, allDue, nextTry, refused, type Refusals } from '../../src/pass/refusals.js';

const minute = 60_000;
const found = (...services: readonly string[]) =>
  Object.fromEntries(services.map((one) => [one, { fingerprint: one, reason: 'no' }]));

/** Refused that often, the last time at 0. */
function refusedTimes(times: number, together = false): Refusals {
  let known: Refusals = {};
  for (let left = times; left > 0; left--) known = refused(known, found('a'), 0, together);
  return known;
}

describe('a refusal', () => {
  for (const [times, minutes] of [
    [1, 1],
    [2, 2],
    [3, 4],
    [6, 32],
    [7, 60],
    [500, 60],
  ] as const) {
    it(`that came ${times} times is tried again after ${minutes} min`, () => {
      const known = refusedTimes(times);
      expect(nextTry(known, ['a'], minutes * minute - 1)).to.deep.equal([]);
      expect(nextTry(known, ['a'], minutes * minute)).to.deep.equal(['a']);
    });
  }

  it('of another input begins anew', () => {
    const known = refused(refusedTimes(9), { a: { fingerprint: 'other', reason: 'no' } }, 0);
    expect(known['a']).to.deep.equal({ fingerprint: 'other', reason: 'no', at: 0, tries: 1 });
  });

  it('waits no longer because the clock was set back', () => {
    const known = refused({}, found('a'), 10 * minute);
    expect(nextTry(known, ['a'], 5 * minute)).to.deep.equal(['a']);
  });

  it('is tried at once where HAProxy is another, and does not begin anew by that', () => {
    const known = allDue(refusedTimes(5));
    expect(nextTry(known, ['a'], 1_700_000_000_000)).to.deep.equal(['a']);
    expect(known['a']?.tries).to.equal(5);
  });

  it('of a service that is not there any more is no try', () => {
    expect(nextTry(refusedTimes(1), [], 90 * minute)).to.deep.equal([]);
  });

  it('is tried with the others, and by itself where HAProxy named nobody of them', () => {
    const services = ['a', 'b', 'c'];
    const first = refused({}, found(...services), 0);
    expect(nextTry(first, services, minute)).to.have.members(services);
    const second = refused(first, found(...services), minute, true);
    expect(nextTry(second, services, 3 * minute)).to.have.length(1);
    const one = refused(second, found('a'), 3 * minute);
    expect(nextTry(one, services, 3 * minute)).to.deep.equal(['b']);
    expect(nextTry(one, ['a', 'c'], 7 * minute)).to.deep.equal(['c']);
  });

  it('is gone once it is accepted, and the others are tried together again', () => {
    const services = ['a', 'b', 'c'];
    const known = accepted(refused({}, found(...services), 0, true), ['a']);
    expect(Object.keys(known)).to.deep.equal(['b', 'c']);
    expect(nextTry(known, services, minute)).to.have.members(['b', 'c']);
  });

  it('costs a bounded number of tries, however often anybody looks', () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.boolean(), (count, names) => {
        const services = [...'abcdef'].slice(0, count);
        let known = refused({}, found(...services), 0);
        let tries = 0;
        const day = 24 * 60 * minute;
        for (let now = 0; now < day; now += minute / 2) {
          const next = nextTry(known, services, now);
          if (next.length === 0) continue;
          tries++;
          known = refused(known, found(...next), now, !names && next.length > 1);
        }
        // Six steps to the hour, then one an hour; of each service where they are tried alone.
        expect(tries).to.be.at.most(30 * count);
        expect(tries).to.be.at.least(24);
      }),
    ));
});
