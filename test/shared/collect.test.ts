import { expect } from 'chai';
import fc from 'fast-check';

import { Collector } from '../../src/shared/collect.js';

/** Few different bytes, so that the two often begin alike. */
const bytes = fc.array(fc.constantFrom(1, 2), { maxLength: 12 }).map((list) => Buffer.from(list));

describe('an answer as it arrives', () => {
  it('is the bytes that came, however they were cut', () => {
    fc.assert(
      fc.property(bytes, fc.array(bytes), (before, chunks) => {
        const collector = new Collector(before);
        for (const chunk of chunks) collector.push(chunk);
        const all = Buffer.concat(chunks);
        expect(collector.length).to.equal(all.length);
        expect(collector.end().equals(all)).to.equal(true);
      }),
    );
  });

  it('is the earlier buffer, and only then, if all bytes are the same', () => {
    fc.assert(
      fc.property(bytes, fc.array(bytes), (before, chunks) => {
        const collector = new Collector(before);
        for (const chunk of chunks) collector.push(chunk);
        expect(collector.end() === before).to.equal(Buffer.concat(chunks).equals(before));
      }),
    );
  });

  it('changes nothing of the earlier one', () => {
    const before = Buffer.from('abcdef');
    const collector = new Collector(before);
    collector.push(Buffer.from('abc'));
    const shorter = collector.end();
    shorter.fill('x');
    expect(before.toString()).to.equal('abcdef');
  });
});
