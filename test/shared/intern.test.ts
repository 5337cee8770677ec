import { expect } from 'chai';

import { interned } from '../../src/shared/intern.js';

function counted() {
  const made: string[] = [];
  const known = interned<{ readonly of: string }>();
  const get = (key: string) =>
    known(key, () => {
      made.push(key);
      return { of: key };
    });
  return { made, get };
}

describe('values that are interned', () => {
  it('are made once', () => {
    const { made, get } = counted();
    expect(get('a')).to.equal(get('a'));
    expect(get('b')).to.deep.equal({ of: 'b' });
    expect(made).to.deep.equal(['a', 'b']);
  });

  it('are forgotten when there are too many', () => {
    const { made, get } = counted();
    for (let at = 0; at <= 2000; at++) get(`key ${at}`);
    made.splice(0);
    get('key 2000');
    get('key 0');
    expect(made).to.deep.equal(['key 0']);
  });

  it('are forgotten when their keys are too long, few as they are', () => {
    const { made, get } = counted();
    const long = ['a', 'b', 'c', 'd', 'e'].map((letter) => letter.repeat(500_000));
    for (const key of long) get(key);
    made.splice(0);
    get(long[4]!);
    get(long[0]!);
    expect(made.map((key) => key.slice(0, 1))).to.deep.equal(['a']);
  });
});
