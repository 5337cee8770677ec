import { expect } from 'chai';
import fc from 'fast-check';

import { createRetries } from '../../src/loop/retries.js';

const minMs = 100;
const maxMs = 30_000;

/** Retries on a clock that the test moves; `random` 1 is the longest wait of a step. */
function retriesAt(random: () => number = () => 1) {
  const time = { now: 1000 };
  const retries = createRetries({ minMs, maxMs }, () => time.now, random);
  return { retries, time };
}

describe('retries', () => {
  it('wait twice as long each time, up to the longest, and begin anew after a success', () => {
    const { retries } = retriesAt();
    const waits = Array.from({ length: 11 }, () => retries.failed('nomad', true));
    expect(waits).to.deep.equal([
      100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
    ]);
    retries.succeeded('nomad');
    expect(retries.failed('nomad', true)).to.equal(100);
  });

  it('wait between half of their step and all of it', () =>
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(40), (random, times) => {
        const { retries } = retriesAt(() => random);
        for (let left = times; left > 0; left--) retries.failed('one', true);
        const step = Math.min(maxMs, minMs * 2 ** times);
        expect(retries.failed('one', true)).to.be.within(step / 2, step);
      }),
    ));

  it('wait the longest at once where only a person can mend it', () => {
    expect(retriesAt().retries.failed('nomad', false)).to.equal(maxMs);
  });

  it('are due when their wait is over, each side by itself', () => {
    const { retries, time } = retriesAt();
    expect(retries.isDue('one')).to.equal(true);
    expect(retries.untilNext()).to.equal(undefined);
    retries.failed('one', true);
    retries.failed('one', true);
    retries.failed('two', true);
    expect(['one', 'two', 'three'].map(retries.isDue)).to.deep.equal([false, false, true]);
    expect(retries.untilNext()).to.equal(100);
    time.now += 100;
    expect(['one', 'two'].map(retries.isDue)).to.deep.equal([false, true]);
    expect(retries.untilNext()).to.equal(0);
    retries.succeeded('two');
    expect(retries.untilNext()).to.equal(100);
    time.now += 100;
    expect(retries.isDue('one')).to.equal(true);
  });

  it('go on where they were after a pass that left what may fail to a later one', () => {
    const { retries } = retriesAt();
    retries.failed('one', true);
    retries.failed('one', true);
    retries.postponed('one');
    expect([retries.isDue('one'), retries.untilNext()]).to.deep.equal([true, undefined]);
    expect(retries.failed('one', true)).to.equal(400);
  });

  it('that are hurried wait the shortest wait, never less', () => {
    const { retries, time } = retriesAt();
    for (let left = 6; left > 0; left--) retries.failed('nomad', true);
    retries.hurry('nomad');
    expect(retries.untilNext()).to.equal(minMs);
    time.now += 60;
    retries.hurry('nomad');
    expect(retries.untilNext()).to.equal(minMs - 60);
    time.now += 1000;
    retries.hurry('nomad');
    expect(retries.untilNext()).to.equal(0);
  });

  it('that are hurried wait no longer than they would have', () => {
    const { retries } = retriesAt(() => 0);
    expect(retries.failed('nomad', true)).to.equal(50);
    retries.hurry('nomad');
    expect(retries.untilNext()).to.equal(50);
  });

  it('are not made by a hurry', () => {
    const { retries } = retriesAt();
    retries.hurry('nomad');
    expect(retries.untilNext()).to.equal(undefined);
  });

  it('are fewer and fewer however often they are hurried in vain, until a wait is served', () => {
    const { retries, time } = retriesAt();
    const waits: number[] = [];
    for (let times = 0; times < 12; times++) {
      retries.failed('nomad', true);
      retries.hurry('nomad');
      waits.push(retries.untilNext() ?? 0);
      time.now += waits.at(-1) ?? 0;
    }
    expect(waits.slice(0, 5)).to.deep.equal([100, 200, 400, 800, 1600]);
    expect(waits.at(-1)).to.equal(maxMs);
    retries.failed('nomad', true);
    time.now += maxMs;
    retries.failed('nomad', true);
    retries.hurry('nomad');
    expect(retries.untilNext()).to.equal(minMs);
  });
});
