import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import type { TargetSettings } from '../../src/config/types.js';
import { createFleet } from '../../src/loop/fleet.js';
import { createMembership, movesOf } from '../../src/loop/membership.js';
import { picture } from '../pass/given-picture.js';

const settings = {
  ...{ debounceMs: 1, debounceMaxMs: 5, backoffMinMs: 2000, backoffMaxMs: 2000 },
  ...{ resyncIntervalMs: 60_000, fullReadIntervalMs: 60_000, policy: 'sync' as const },
};

function target(name: string, more: Partial<TargetSettings> = {}): TargetSettings {
  const address = `https://${name}:5555`;
  const credentials = { username: 'a', password: 'b', requestTimeoutMs: 1000 };
  return { ...credentials, name, address, allocation: `of-${name}`, ...more };
}

/** A fleet whose passes take until they are let go, or aborted. */
function start() {
  const stop = new AbortController();
  const targets = new Map<string, TargetSettings>();
  const told: string[] = [];
  const passes: string[] = [];
  const held = new Map<string, () => void>();
  const hangs = new Set<string>();
  const fleet = createFleet({
    targets: [],
    settings,
    passOf: (name) => {
      const { allocation = '' } = targets.get(name)!;
      return async (_due, signal) => {
        passes.push(allocation);
        const aborted = (): unknown => passes.push(`${allocation} aborted`);
        signal.addEventListener('abort', aborted);
        if (hangs.has(allocation)) await new Promise<void>((go) => held.set(allocation, go));
        signal.removeEventListener('abort', aborted);
        return [{ side: name, picture: picture({ target: name }) }];
      };
    },
    onWake: () => undefined,
    onSuccess: ({ target: name }) => told.push(name),
    onFailure: () => undefined,
  });
  const moves: string[] = [];
  const membership = createMembership({
    assembly: {
      targets: () => [...targets.values()],
      joined: (one) => targets.set(one.name, one),
      left: (name) => targets.delete(name),
    },
    fleet,
    followers: [
      { joined: (name) => moves.push(`+${name}`), left: (name) => moves.push(`-${name}`) },
      { left: () => undefined },
    ],
    log: { info: () => undefined },
  });
  const running = fleet.run(stop.signal);
  return {
    ...{ fleet, told, passes, moves, hangs, update: membership.update },
    letGo: (allocation: string) => held.get(allocation)?.(),
    passed: (one: string) => waitFor(`the pass ${one}`, () => passes.includes(one)),
    heard: (name: string) => waitFor(`news of ${name}`, () => told.includes(name)),
    end: async () => {
      stop.abort();
      await running;
    },
  };
}

describe('targets that come and go', () => {
  it('are others where the allocation or the address is another', () => {
    const a = target('a');
    expect(movesOf([a], [{ ...a }])).to.deep.equal({ left: [], joined: [] });
    for (const other of [
      target('a', { allocation: 'another' }),
      target('a', { address: 'https://b:5555' }),
      target('b', { address: a.address }),
    ]) {
      expect(movesOf([a], [other])).to.deep.equal({ left: [a], joined: [other] });
    }
  });

  it('have a loop while they are there', async () => {
    const { update, moves, heard, fleet, passes, end } = start();
    update([target('a')]);
    await heard('a');
    update([target('a'), target('b')]);
    await heard('b');
    update([target('b')]);
    expect(moves).to.deep.equal(['+a', '+b', '-a']);
    const before = passes.length;
    fleet.wake('stream');
    await waitFor('the pass', () => passes.length > before);
    await end();
    expect(passes.slice(before)).to.deep.equal(['of-b']);
  });

  it('are told nothing of once they have left, and their pass is aborted', async () => {
    const { update, hangs, passed, letGo, told, heard, end } = start();
    hangs.add('of-a');
    update([target('a')]);
    await passed('of-a');
    update([target('b')]);
    await passed('of-a aborted');
    letGo('of-a');
    await heard('b');
    await end();
    expect(told).to.deep.equal(['b']);
  });

  it('do not wait for one that hangs, by the same name either', async () => {
    const { update, hangs, passed, heard, letGo, end } = start();
    hangs.add('of-a');
    update([target('a')]);
    await passed('of-a');
    update([target('a', { allocation: 'new', address: 'https://elsewhere:5555' }), target('b')]);
    await passed('new');
    await heard('b');
    letGo('of-a');
    await end();
  });

  it('wait for the pass over the one that had their address', async () => {
    const { update, hangs, passed, passes, letGo, heard, end } = start();
    hangs.add('of-a');
    update([target('a')]);
    await passed('of-a');
    update([target('a', { allocation: 'new' }), target('b')]);
    await heard('b');
    expect(passes).not.to.include('new');
    letGo('of-a');
    await passed('new');
    await end();
  });
});
