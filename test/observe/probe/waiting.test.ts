import { expect } from 'chai';
import fc from 'fast-check';

import type { Probe } from '../../../src/haproxy/server-check.js';
import {
  type AllWaiting,
  begun,
  checked,
  dueNow,
  freshMs,
  hasPassed,
  nextWaiting,
  type Waiting,
} from '../../../src/observe/probe/model/waiting.js';

function probe(server: string, key = server, rise = 2): Probe {
  const check = { rise, timeoutMs: 1000, talk: { kind: 'connect' } } as const;
  const where = { backend: 'nomad_web', service: 'default/web', address: '10.0.0.1', port: 80 };
  return { key, server, check, ...where };
}

const trusted = () => false;

function one(all: AllWaiting): Waiting {
  const [found] = Object.values(all);
  if (found === undefined) throw new Error('nothing waits');
  return found;
}

const newcomer = one(nextWaiting({}, [probe('a')], trusted, 0));
const doubted = one(nextWaiting({}, [probe('a')], () => true, 0));

/** One check after another, 200 ms apart: `.` passes. */
function after(start: Waiting, results: string): Waiting {
  return [...results].reduce(
    (state, result, at) => checked(begun(state), result === '.' ? undefined : 'why', at * 200),
    start,
  );
}

const passes = (start: Waiting, results: string): boolean =>
  hasPassed(after(start, results), results.length * 200);

describe('a server that waits for its check', () => {
  it('has passed after enough passed checks in a row', () => {
    expect(passes(newcomer, '.')).to.equal(false);
    expect(passes(newcomer, '..')).to.equal(true);
    expect(passes(newcomer, '.x.')).to.equal(false);
    expect(passes(newcomer, 'x..')).to.equal(true);
    expect(passes(newcomer, '..x')).to.equal(false);
  });

  it('that HAProxy took DOWN has passed only after a check of ours has failed too', () => {
    expect(passes(doubted, '....')).to.equal(false);
    expect(passes(doubted, '..x.')).to.equal(false);
    expect(passes(doubted, '..x..')).to.equal(true);
  });

  it('has passed for a few seconds, not for ever', () => {
    const state = after(newcomer, '..');
    expect(hasPassed(state, 200 + freshMs)).to.equal(true);
    expect(hasPassed(state, 201 + freshMs)).to.equal(false);
  });

  it('begins anew with another instance, address or check, and stays known with the same', () => {
    const passed = after(newcomer, '..');
    const same = nextWaiting({ a: passed }, [probe('a')], () => true, 1000);
    expect(one(same)).to.equal(passed);
    const other = one(nextWaiting({ a: passed }, [probe('a', 'b')], trusted, 1000));
    expect(other).to.include({ passes: 0, tries: 0, since: 1000 });
    expect(nextWaiting({ a: passed }, [], trusted, 1000)).to.deep.equal({});
  });

  it('is checked less often the longer it waits, but at once for the next of a row', () => {
    const waits = (since: number, failure?: string): number =>
      checked({ ...newcomer, since: -since }, failure, 0).dueAt ?? NaN;
    expect([0, 10_000, 60_000, 86_400_000].map((age) => waits(age, 'why'))).to.deep.equal([
      100, 100, 600, 60_000,
    ]);
    expect(waits(60_000)).to.equal(100);
  });

  it('goes before those that were checked more often, and is not checked twice at once', () => {
    const some = ['x'.repeat(3), '', 'x'].map((results) => after(newcomer, results));
    expect(dueNow(some, 10_000, 2).map(({ tries }) => tries)).to.deep.equal([0, 1]);
    expect(dueNow([begun(newcomer)], 10_000, 2)).to.deep.equal([]);
    expect(dueNow([newcomer], -1, 2)).to.deep.equal([]);
    expect(dueNow([newcomer], 0, -3)).to.deep.equal([]);
    expect(dueNow([newcomer], 0, 0)).to.deep.equal([]);
  });

  it('never passes without `rise` passed checks in a row at the end', () => {
    const results = fc.array(fc.constantFrom('.', 'x')).map((all) => all.join(''));
    fc.assert(
      fc.property(results, fc.boolean(), fc.integer({ min: 1, max: 5 }), (all, isDoubted, rise) => {
        const start = one(nextWaiting({}, [probe('a', 'a', rise)], () => isDoubted, 0));
        const enough = all.endsWith('.'.repeat(rise)) && (!isDoubted || all.includes('x'));
        expect(passes(start, all)).to.equal(enough);
      }),
    );
  });
});
