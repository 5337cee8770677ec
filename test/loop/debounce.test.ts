import { expect } from 'chai';
import fc from 'fast-check';

import { createDebounce } from '../../src/loop/debounce.js';
import { runs } from '../arbitraries/runs.js';

const debounceMs = 75;
const debounceMaxMs = 1000;

interface Pass {
  readonly at: number;
  readonly isFirst: boolean;
}

/** The passes for wakes at these times, on a clock of the test's own. */
function passesFor(wakes: readonly number[], settings = { debounceMs, debounceMaxMs }): Pass[] {
  let now = 0;
  let due: number | undefined;
  const passes: Pass[] = [];
  const debounce = createDebounce(settings, () => now);
  const fire = (until: number): void => {
    if (due === undefined || due > until) return;
    passes.push({ at: due, isFirst: false });
    now = due;
    due = undefined;
    debounce.fired();
  };
  for (const at of wakes) {
    fire(at);
    now = at;
    const { waitMs, isFirst } = debounce.wake();
    if (isFirst) passes.push({ at, isFirst });
    else due = at + waitMs;
  }
  fire(Infinity);
  return passes;
}

const someWakes = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 3000 })), {
    minLength: 1,
    maxLength: 200,
  })
  .map((gaps) => gaps.map((_, at) => gaps.slice(0, at + 1).reduce((a, b) => a + b, 0)));

describe('the debounce', () => {
  it('the first wake goes at once, those that follow go together', () => {
    expect(passesFor([0])).to.deep.equal([{ at: 0, isFirst: true }]);
    expect(passesFor([0, 10, 20, 60])).to.deep.equal([
      { at: 0, isFirst: true },
      { at: 135, isFirst: false },
    ]);
  });

  it('a wake that follows a quiet debounce is a first one again', () => {
    expect(passesFor([0, 75, 160]).map(({ isFirst }) => isFirst)).to.deep.equal([true, true, true]);
    expect(passesFor([0, 10, 90]).map(({ at }) => at)).to.deep.equal([0, 85, 90]);
  });

  it('200 wakes within 5 s make six passes', () => {
    const burst = Array.from({ length: 200 }, (_, at) => 25 * at);
    const passes = passesFor(burst);
    expect(passes).to.have.length(6);
    const gaps = passes.slice(1).map(({ at }, index) => at - (passes[index]?.at ?? 0));
    expect(Math.min(...gaps.slice(0, -1))).to.be.at.least(debounceMaxMs);
  });

  it('no wake waits longer than the maximum, and none is lost', () => {
    fc.assert(
      fc.property(someWakes, (wakes) => {
        const passes = passesFor(wakes);
        for (const wake of wakes) {
          const next = passes.find(({ at }) => at >= wake);
          expect(next, `${wake}`).not.to.equal(undefined);
          expect((next?.at ?? Infinity) - wake).to.be.at.most(debounceMaxMs);
        }
      }),
      runs(300),
    );
  });

  it('at most one first pass and one other in a debounce, however many wakes there are', () => {
    fc.assert(
      fc.property(someWakes, (wakes) => {
        for (const kind of [true, false]) {
          const times = passesFor(wakes).flatMap(({ at, isFirst }) =>
            isFirst === kind ? [at] : [],
          );
          const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
          expect(Math.min(debounceMs, ...gaps)).to.be.at.least(debounceMs);
        }
      }),
      runs(300),
    );
  });
});
