import { expect } from 'chai';

import { memoLast, memoOf } from '../../src/shared/memo.js';

describe('memoLast', () => {
  it('computes again only for other arguments', () => {
    let calls = 0;
    const pair = memoLast((a: object, b: number) => ({ a, b, call: ++calls }));
    const one = {};
    const first = pair(one, 1);
    expect(pair(one, 1)).to.equal(first);
    expect(pair({}, 1)).not.to.equal(first);
    expect(pair(one, 2).b).to.equal(2);
    expect(calls).to.equal(3);
  });

  it('remembers a result that is undefined', () => {
    let calls = 0;
    const nothing = memoLast((_: object) => void (calls += 1));
    const one = {};
    nothing(one);
    nothing(one);
    expect(calls).to.equal(1);
  });

  it('forgets nothing and remembers nothing of a call that throws', () => {
    const ofEven = memoLast((value: number) => {
      if (value % 2 === 1) throw new Error('odd');
      return { value };
    });
    const two = ofEven(2);
    expect(() => ofEven(3)).to.throw('odd');
    expect(() => ofEven(3)).to.throw('odd');
    expect(ofEven(2)).to.equal(two);
  });
});

describe('memoOf', () => {
  it('computes once for each object, and always for what is none', () => {
    const known = memoOf<number>();
    let calls = 0;
    const next = (): number => ++calls;
    const [one, two] = [{}, {}];
    expect([known(one, next), known(two, next), known(one, next)]).to.deep.equal([1, 2, 1]);
    expect([known(null, next), known(null, next), known('a', next)]).to.deep.equal([3, 4, 5]);
  });
});
