import { expect } from 'chai';
import fc from 'fast-check';

import { nearest, nearestFew } from '../../src/shared/nearest.js';

describe('nearest', () => {
  it('finds the word with the fewest edits, and the first of equals', () => {
    expect(nearest('domian', ['path', 'domain', 'domains'])).to.equal('domain');
    expect(nearest('wep', ['web', 'wet'])).to.equal('web');
    expect(nearest('wep', ['toString', 'completely'])).to.equal(undefined);
  });

  it('lists several, the nearest first, as finding one after the other would', () => {
    const word = fc.string({ maxLength: 6, unit: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(word, fc.uniqueArray(word, { maxLength: 12 }), fc.nat(4), (asked, all, most) => {
        const left = [...all];
        const expected: string[] = [];
        for (let count = 0; count < most; count++) {
          const next = nearest(asked, left);
          if (next === undefined) break;
          left.splice(left.indexOf(next), 1);
          expected.push(next);
        }
        expect(nearestFew(asked, all, most)).to.deep.equal(expected);
      }),
    );
  });
});
