import { isDeepStrictEqual } from 'node:util';

import { expect } from 'chai';
import fc from 'fast-check';

import { buildDesired } from '../../src/desired/build.js';
import { newDesiredMemory } from '../../src/desired/memory.js';
import { newPlanMemory } from '../../src/diff/plan/memory.js';
import { plan } from '../../src/diff/plan/plan.js';
import {
  desiredInput,
  firstPicture,
  moves,
  type Passed,
  type Picture,
  planInput,
} from '../arbitraries/history.js';
import { runs } from '../arbitraries/runs.js';

/** Nobody may write to what is remembered. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(Object.freeze(value))) frozen(inner);
  return value;
}

type Pass = (picture: Picture, last?: Passed) => Passed;

function remembering(): Pass {
  const desiredMemory = newDesiredMemory();
  const planMemory = newPlanMemory();
  return (picture, last) => {
    const desired = frozen(buildDesired(frozen(desiredInput(picture)), desiredMemory));
    const input = frozen(planInput(picture, desired, last?.plan));
    return frozen({ desired, plan: plan(input, planMemory) });
  };
}

/** Of copies, so that no result is known by the objects that it was made of. */
const fromNothing: Pass = (picture, last) => {
  const copy = structuredClone(picture);
  const desired = buildDesired(desiredInput(copy));
  return { desired, plan: plan(planInput(copy, desired, last?.plan)) };
};

describe('desired state and plan of a long history', () => {
  it('are what they would be without one', () => {
    const some = fc.array(moves, { minLength: 1, maxLength: 40, size: 'max' });
    fc.assert(
      fc.property(firstPicture, some, (first, all) => {
        const remembered = remembering();
        let picture = first;
        let last = remembered(picture);
        for (const move of all) {
          const before = last;
          picture = move(picture, before);
          last = remembered(picture, before);
          const anew = fromNothing(picture, before);
          // chai's comparison takes 100 times as long.
          if (!isDeepStrictEqual(last, anew)) expect(last).to.deep.equal(anew);
        }
      }),
      runs(20),
    );
  });
});
