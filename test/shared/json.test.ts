import { expect } from 'chai';
import fc from 'fast-check';

import { interned } from '../../src/shared/intern.js';
import { sortedKeys } from '../../src/shared/json.js';

describe('the keys of an object', () => {
  it('are sorted as the engine sorts them, few or many', () => {
    const keys = fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 60 });
    fc.assert(
      fc.property(keys, (given) => {
        const object = Object.fromEntries(given.map((key) => [key, 0]));
        expect(sortedKeys(object)).to.deep.equal(Object.keys(object).sort());
      }),
      { numRuns: 50 },
    );
  });
});

describe('what is the same for equal keys', () => {
  it('is made once, and again once too many others came', () => {
    const shared = interned<object>();
    const first = shared('a', () => ({}));
    expect(shared('a', () => ({}))).to.equal(first);
    for (let at = 0; at < 3000; at++) shared(`other ${at}`, () => ({}));
    expect(shared('a', () => ({ again: true }))).to.deep.equal({ again: true });
  });
});
