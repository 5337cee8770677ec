import { expect } from 'chai';

import type { Step } from '../../src/diff/types.js';
import { nextLook, type Watched } from '../../src/loop/recheck.js';
import { heldRemoval, nothing, something } from '../pass/given-picture.js';

const maxMs = 30_000;
type Rest = Parameters<typeof nextLook>[0];

/** The waits of that many looks at the same thing. */
function waits(rest: Rest, looks: number, max = maxMs): (number | undefined)[] {
  let watched: Watched | undefined;
  return Array.from({ length: looks }, () => {
    const look = nextLook(rest, watched, max);
    watched = look.watched;
    return look.afterMs;
  });
}

const held = { ...nothing, held: heldRemoval };
const waiting = { ...nothing, waiting: ['nomad_web_1'] };
const moving = { ...nothing, inMotion: true };

describe('the next look', () => {
  const cases: readonly (readonly [what: string, rest: Rest, expected: readonly number[]])[] = [
    ['removals that are held', held, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]],
    ['steps that are left', something, [1000, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]],
    ['a reload that has to wait', { ...something, gathering: { afterMs: 70.2 } }, [71, 71, 71]],
    ['a drain', moving, [1000, 1000, 1000, 1000]],
    ['a check', waiting, [1000, 1000, 1000, 1000]],
  ];
  for (const [what, rest, expected] of cases) {
    it(`at ${what} comes after ${expected.join(', ')} ms`, () => {
      expect(waits(rest, expected.length)).to.deep.equal(expected);
    });
  }

  it('at a drain is slower from the sixtieth on, and at a check there is none then', () => {
    expect(waits(moving, 66).slice(58)).to.deep.equal([
      1000, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
    ]);
    expect(waits(waiting, 62).slice(58)).to.deep.equal([1000, 1000, undefined, undefined]);
  });

  it('is never, where nothing is to be looked at or another read changes nothing', () => {
    const stuck = { ...nothing, held: { ...heldRemoval, releasable: false } };
    for (const rest of [nothing, stuck])
      expect(waits(rest, 2)).to.deep.equal([undefined, undefined]);
  });

  it('waits no longer than it may', () => {
    expect(waits(held, 3, 700)).to.deep.equal([500, 700, 700]);
    expect(waits(moving, 2, 400)).to.deep.equal([400, 400]);
  });

  it('begins anew when what is left is another', () => {
    const late = { ...nothing, held: { ...heldRemoval, instances: ['i3'] } };
    const [step] = something.steps;
    const others: readonly (readonly [Rest, Rest, number])[] = [
      [held, late, 500],
      [something, { ...something, steps: [step, step] as Step[] }, 1000],
      [held, something, 1000],
      [waiting, { ...waiting, waiting: ['nomad_web_2'] }, 1000],
    ];
    for (const [before, after, first] of others) {
      let watched: Watched | undefined;
      for (let looks = 0; looks < 5; looks++) watched = nextLook(before, watched, maxMs).watched;
      expect(nextLook(after, watched, maxMs).afterMs).to.equal(first);
    }
  });

  it('asks first for what is held, then for what is left', () => {
    expect(waits({ ...something, held: heldRemoval, inMotion: true }, 1)).to.deep.equal([500]);
    expect(waits({ ...something, inMotion: true }, 3)[2]).to.equal(2000);
  });
});
