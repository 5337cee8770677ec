import { expect } from 'chai';

import type { Step } from '../../src/diff/types.js';
import { isFilled } from '../../src/pass/ready.js';

const trusted = { removals: 'allowed' } as const;
const waiting = { steps: [], waiting: ['s1'] };

describe('whether HAProxy has been filled', () => {
  it('not while there are steps left', () => {
    const steps: Step[] = [{ kind: 'create-map', route: 'storage', map: 'm' }];
    expect(isFilled({ filledAt: 0 }, { steps, waiting: [] }, trusted, 1e9)).to.equal(false);
  });

  it('at once where no server waits for its check', () => {
    expect(isFilled({}, { steps: [], waiting: [] }, trusted, 5)).to.equal(true);
  });

  it('not by what a doubtful read of Nomad says', () => {
    const nothing = { steps: [], waiting: [] };
    const doubtful = { removals: 'held', reason: 'the index went back' } as const;
    expect(isFilled({ filledAt: 0 }, nothing, doubtful, 1e9)).to.equal(false);
  });

  it('a service whose check never passes holds it up for 10 s', () => {
    const memory = {};
    const seen = [1000, 5000, 10_999, 11_000].map((now) => isFilled(memory, waiting, trusted, now));
    expect(seen).to.deep.equal([false, false, false, true]);
  });
});
