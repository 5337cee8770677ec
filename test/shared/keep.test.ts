import { expect } from 'chai';
import fc from 'fast-check';

import { keep, keepInSlices } from '../../src/shared/keep.js';
import { runThrough } from '../../src/shared/slices.js';

/** Plain data, with keys that objects inherit too. */
const someKey = fc.oneof(
  fc.constantFrom(
    'toString',
    'valueOf',
    'constructor',
    '__proto__',
    'id',
    'name',
    'service',
    'host',
  ),
  fc.string({ maxLength: 3 }),
);
const { value: someValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, 1, -0, '', 'a', undefined),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(someKey, tie('value')), { maxLength: 5 })
      .map((entries) => Object.fromEntries(entries) as unknown),
  ),
}));

/** A copy in which no object is the same. */
function copy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copy) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, copy(one)])) as T;
}

const someItems = fc.uniqueArray(
  fc.record(
    { name: fc.string({ maxLength: 4 }), tags: fc.array(fc.string({ maxLength: 2 })) },
    { noNullPrototype: true },
  ),
  { selector: ({ name }) => name, maxLength: 8 },
);

/** Which of its objects are objects of the other value. */
function shared(value: unknown, other: unknown): readonly boolean[] {
  const known = new Set(objectsIn(other));
  return objectsIn(value).map((one) => known.has(one));
}

function objectsIn(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(objectsIn)];
}

describe('keep', () => {
  it('keeps the same in slices', () =>
    fc.assert(
      fc.property(someValue, someValue, fc.nat(4), (before, other, depth) => {
        const after = [other, copy(before), { before: copy(before), other }];
        const was = [before, before, { before, other: before }];
        const whole = keep(was, after);
        const sliced = runThrough(keepInSlices(was, after, depth));
        expect(sliced).to.deep.equal(whole);
        expect(shared(sliced, was)).to.deep.equal(shared(whole, was));
      }),
    ));

  it('gives what comes after, whatever stood before', () =>
    fc.assert(
      fc.property(someValue, someValue, (before, after) => {
        const untouched = copy(after);
        expect(keep(before, after)).to.deep.equal(untouched);
        expect(after).to.deep.equal(untouched);
      }),
    ));

  it('gives what stood before where that is equal', () =>
    fc.assert(
      fc.property(someValue, (before) => {
        expect(keep(before, copy(before))).to.equal(before);
      }),
    ));

  it('is what comes after itself where nothing of it is replaced', () =>
    fc.assert(
      fc.property(someValue, someValue, (before, after) => {
        const kept = keep(before, after);
        expect(keep(before, kept)).to.equal(kept);
        expect(runThrough(keepInSlices(before, kept))).to.equal(kept);
      }),
    ));

  it('keeps all values of an object but the one that changed', () =>
    fc.assert(
      fc.property(fc.dictionary(someKey, someValue), someKey, (before, key) => {
        const kept = keep<Record<string, unknown>>(before, { ...copy(before), [key]: ['another'] });
        for (const [other, value] of Object.entries(before)) {
          if (other !== key) expect(kept[other]).to.equal(value);
        }
        expect(kept[key]).to.deep.equal(['another']);
      }),
    ));

  it('keeps all items of a list but those that come, go or change', () =>
    fc.assert(
      fc.property(someItems, someItems, fc.nat(), (before, others, seed) => {
        const stay = before.filter((_, at) => ((seed >> at) & 1) === 0);
        const come = others.filter(({ name }) => before.every((one) => one.name !== name));
        const kept = keep(before, copy([...come.slice(0, 2), ...stay, ...come.slice(2)]));
        for (const one of stay) expect(kept.includes(one)).to.equal(true);
        expect(kept).to.deep.equal([...come.slice(0, 2), ...stay, ...come.slice(2)]);
      }),
    ));

  it('keeps items that nothing names, and several of one name', () => {
    const before = [
      { type: 'deny' },
      { type: 'allow' },
      { name: 'x', if: 1 },
      { name: 'x', if: 2 },
    ];
    const kept = keep(before, copy([{ type: 'new' }, ...before]));
    expect(kept.slice(1).every((one, at) => one === before[at])).to.equal(true);
  });

  it('looks into an item that changed', () => {
    const before = [{ id: 'a', port: 1, tags: ['x'], facts: { node: 'n' } }];
    const kept = keep(before, [{ id: 'a', port: 2, tags: ['x'], facts: { node: 'n' } }]);
    expect(kept[0]).not.to.equal(before[0]);
    expect(kept[0]?.tags).to.equal(before[0]?.tags);
    expect(kept[0]?.facts).to.equal(before[0]?.facts);
  });
});
