import { expect } from 'chai';

import { mayDrainEarly } from '../../src/pass/early-drains.js';
import { newTargetMemory, type TargetMemory } from '../../src/pass/memory.js';
import type { Target } from '../../src/pass/target.js';
import { haproxy } from './given-haproxy.js';
import { heldRemoval, picture } from './given-picture.js';

const news = { nomadChanged: true };

function target(memory: Partial<TargetMemory> = {}): Target {
  const known = { ...newTargetMemory(), pictures: [picture()], ...memory };
  return { ...haproxy().target, memory: known };
}

describe('a pass may drain before it reads HAProxy', () => {
  it('where Nomad changed since a pass that succeeded', () => {
    expect(mayDrainEarly(target(), news)).to.equal(true);
    expect(mayDrainEarly(target(), { ...news, gatherUntil: 1 })).to.equal(true);
  });

  it('not for a timer, a retry or HAProxy', () => {
    expect(mayDrainEarly(target(), { nomadChanged: false })).to.equal(false);
  });

  it('not in a dry run', () => {
    const { writer: _, ...readOnly } = target();
    expect(mayDrainEarly(readOnly, news)).to.equal(false);
  });

  it('not at first, after a failure, or while removals are held', () => {
    for (const memory of [{ pictures: [] }, { failed: true }, { held: heldRemoval }]) {
      expect(mayDrainEarly(target(memory), news)).to.equal(false);
    }
  });
});
