import { expect } from 'chai';
import fc from 'fast-check';

import { statusClasses, statusClassOf } from '../../src/shared/status-class.js';

describe('the class of a status', () => {
  it('is its first digit, for an answer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), (status) => {
        const [digit] = String(status);
        expect(statusClassOf(status)).to.equal(`${digit}xx`);
      }),
    );
  });

  it('is in the list, whatever the status', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 999 }), (status) => {
        expect(statusClasses).to.include(statusClassOf(status));
      }),
    );
  });
});
