import { expect } from 'chai';

import { nextLook, type Watched } from '../../src/loop/recheck.js';
import { heldRemoval, nothing } from '../pass/given-picture.js';

function looks(remainingMs: (look: number) => number, maxMs: number, count: number): number[] {
  let watched: Watched | undefined;
  return Array.from({ length: count }, (_, look) => {
    const lasting = { since: 0, until: 300, remainingMs: remainingMs(look) };
    const rest = { ...nothing, held: { ...heldRemoval, lasting } };
    const next = nextLook(rest, watched, maxMs);
    watched = next.watched;
    return next.afterMs ?? Infinity;
  });
}

describe('the next look at removals that only time releases', () => {
  it('comes less and less often, and not as seldom as the timer', () => {
    const after = looks(() => 300_000, 3_600_000, 10);
    expect(after).to.deep.equal([
      500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000,
    ]);
  });

  it('comes when the time is up', () => {
    expect(looks((look) => 20_000 - look * 10, 30_000, 9).at(-1)).to.equal(19_920);
  });

  it('is no busy loop where a clock stands still', () => {
    expect(Math.min(...looks(() => 1, 30_000, 20))).to.equal(500);
  });
});
