import { expect } from 'chai';

import { newTargetMemory } from '../../src/pass/memory.js';
import { noticeHaproxy } from '../../src/pass/retry.js';
import { actualState } from '../diff/given.js';

describe('a refusal for want of file descriptors', () => {
  const refusal = { wanted: 30_000, limit: 20_000, reserve: 0 };
  const before = { ...actualState(), configVersion: 7 };

  function remembered(after: ReturnType<typeof actualState>): boolean {
    const memory = newTargetMemory();
    noticeHaproxy(memory, before);
    memory.descriptors = refusal;
    noticeHaproxy(memory, after);
    return memory.descriptors !== undefined;
  }

  it('is remembered while nothing tells of other limits', () => {
    expect(remembered(before)).to.equal(true);
    const haproxy = { ...before.haproxy, pid: before.haproxy.pid + 1 };
    expect(remembered({ ...before, haproxy, configVersion: 8 })).to.equal(true);
  });

  it('is forgotten after a restart, and once the operator has changed a limit', () => {
    const haproxy = { ...before.haproxy, pid: before.haproxy.pid + 1 };
    expect(remembered({ ...before, haproxy })).to.equal(false);
    const global = { ...before.global, fdHardLimit: 50_000 };
    expect(remembered({ ...before, haproxy, configVersion: 8, global })).to.equal(false);
  });
});
