import { expect } from 'chai';
import { createWarnOnce } from '../../src/telemetry/warn-once.js';

function standing(...keys: string[]) {
  return keys.map((key) => ({ key, value: key.toUpperCase() }));
}

describe('createWarnOnce', () => {
  it('warns once for as long as a thing stands, and again after it was gone', () => {
    const said: string[] = [];
    const { update } = createWarnOnce<string>((value) => said.push(value));
    expect(update(standing('a'))).to.deep.equal([]);
    expect(update(standing('a', 'b', 'b'))).to.deep.equal([]);
    expect(said).to.deep.equal(['A', 'B']);
    expect(update(standing('b'))).to.deep.equal(['a']);
    expect(update(standing('a', 'b'))).to.deep.equal([]);
    expect(said).to.deep.equal(['A', 'B', 'A']);
  });
});
