import { expect } from 'chai';

import { absentCanary } from '../../../src/observe/discover/model/canary.js';
import type { Judged } from '../../../src/observe/discover/model/types.js';
import { judgeDiscovered } from '../../../src/doctor/model/discovered.js';

function found(...names: readonly string[]): Judged {
  const members = names.map((name) => {
    return { name, address: `https://${name}`, allocation: name, createIndex: 1 };
  });
  return { members, refused: [], badNames: [], index: 1, isOpen: false };
}

const rollout = { settleMs: 0, maxParallel: 1 };

describe('a canary among HAProxies that Nomad knows', () => {
  it('is missed where it is named and is none of them', () => {
    const canary = { ...rollout, canary: 'b' };
    expect(absentCanary(found('a'), canary)).to.equal('b');
    expect(absentCanary(found('a', 'b'), canary)).to.equal(undefined);
    expect(absentCanary(found('a'), rollout)).to.equal(undefined);
    expect(absentCanary(found(), canary)).to.equal(undefined);
  });

  it('is told of by doctor', () => {
    const levels = judgeDiscovered(found('a'), { ...rollout, canary: 'b' }).map(
      ({ level }) => level,
    );
    expect(levels).to.deep.equal(['ok', 'warning']);
    expect(judgeDiscovered(found('a'), rollout)).to.have.length(1);
  });
});
