import { expect } from 'chai';

import { mapInSlices, runInSlices, runThrough } from '../../src/shared/slices.js';

describe('a computation in slices', () => {
  const double = (one: number): number => one * 2;

  it('gives the same result with and without pauses', async () => {
    expect(runThrough(mapInSlices([1, 2, 3], double))).to.deep.equal([2, 4, 6]);
    expect(await runInSlices(mapInSlices([1, 2, 3], double))).to.deep.equal([2, 4, 6]);
  });

  it('lets others have their turn while it takes long', async () => {
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 1);
    const busy = (): void => {
      const until = performance.now() + 30;
      while (performance.now() < until);
    };
    await runInSlices(mapInSlices([1, 2, 3], busy));
    clearInterval(turning);
    expect(turns).to.be.greaterThan(1);
  });

  it('fails as the computation does', async () => {
    const failing = mapInSlices([1], () => {
      throw new Error('no');
    });
    const error: unknown = await runInSlices(failing).catch((thrown: unknown) => thrown);
    expect((error as Error).message).to.equal('no');
  });
});
