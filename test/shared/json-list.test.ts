import { expect } from 'chai';
import fc from 'fast-check';

import { eachPart, parseLong } from '../../src/shared/json-list.js';

/** Longer than two parts. */
const padding = 'x'.repeat(300_000);

/** What stands where a scanner could take it for structure. */
const someText = fc.oneof(
  fc.string({ unit: fc.constantFrom('"', '\\', ',', '[', ']', '{', '}', ' ', 'é', '😀', 'a') }),
  fc.string({ unit: 'grapheme' }),
);
const { value: someValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, -1.5e300),
    someText,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(someText, tie('value'), { maxKeys: 4 }),
  ),
}));
const someSpace = fc.constantFrom(undefined, 2, '\t', '\n');

async function outcomeOf(parse: () => unknown): Promise<unknown> {
  try {
    return { value: await parse() };
  } catch (error) {
    return { isSyntax: error instanceof SyntaxError };
  }
}

describe('long JSON lists', () => {
  it('are parsed as JSON.parse does', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(someValue, fc.constant(padding)), { maxLength: 8 }),
        someSpace,
        async (list, space) => {
          const text = JSON.stringify([padding, ...list], undefined, space);
          expect(await parseLong(Buffer.from(text))).to.deep.equal(JSON.parse(text));
        },
      ),
      { numRuns: 60 },
    ));

  it('fail where JSON.parse does, whatever was cut, added or changed', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(someValue, { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.constantFrom('', ',', ']', '[', '"', '}', '{', '\\', ' ', '1', ',,'),
        fc.nat(2),
        async (list, place, added, cut) => {
          const rest = JSON.stringify(list).slice(1);
          const at = place % (rest.length + 1);
          const broken = rest.slice(0, at) + added + rest.slice(at + cut);
          // A cut through a surrogate pair is no text.
          const bytes = Buffer.from(`["${padding}",${broken}`);
          const long = (): unknown => parseLong(bytes);
          const whole = (): unknown => JSON.parse(bytes.toString());
          expect(await outcomeOf(long)).to.deep.equal(await outcomeOf(whole));
        },
      ),
      { numRuns: 200 },
    ));

  it('come in parts, and other values as a whole', async () => {
    const parts: number[] = [];
    const count = (items: readonly unknown[]): unknown => parts.push(items.length);
    const list = Array.from({ length: 6 }, () => padding);
    expect(await eachPart(Buffer.from(JSON.stringify(list)), count)).to.equal(true);
    expect(parts).to.deep.equal([1, 1, 1, 1, 1, 1]);
    expect(await eachPart(Buffer.from(JSON.stringify({ list })), count)).to.equal(false);
    expect(await eachPart(Buffer.from('[1]'), count)).to.equal(false);
    expect(await parseLong(Buffer.from(JSON.stringify({ list })))).to.deep.equal({ list });
    expect(await parseLong(Buffer.from(` [ ] ${' '.repeat(300_000)}`))).to.deep.equal([]);
  });
});
