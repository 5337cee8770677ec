import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import { createFleet } from '../../src/loop/fleet.js';
import type { WakeSource } from '../../src/loop/wake-sources.js';
import type { Outcome } from '../../src/pass/run.js';
import { ConnectorError } from '../../src/shared/errors.js';
import { picture, times } from '../pass/given-picture.js';

const targets = ['a', 'b', 'c'];
const settings = {
  ...{ debounceMs: 1, debounceMaxMs: 5, backoffMinMs: 2000, backoffMaxMs: 2000 },
  ...{ resyncIntervalMs: 60_000, fullReadIntervalMs: 60_000, policy: 'sync' as const },
};

/** Loops whose passes come to `outcome`. */
function start(outcome: (target: string, count: number) => Outcome) {
  const stop = new AbortController();
  const wakes: WakeSource[] = [];
  const told: string[] = [];
  const passes: string[] = [];
  const fleet = createFleet({
    targets,
    settings,
    passOf: (target) => () => {
      passes.push(target);
      return Promise.resolve([outcome(target, passes.length)]);
    },
    onWake: (source) => wakes.push(source),
    onSuccess: ({ target }) => told.push(target),
    onFailure: ({ side }) => told.push(`${side} failed`),
  });
  const running = fleet.run(stop.signal);
  return {
    ...{ fleet, wakes, told, passes },
    passed: (count: number) => waitFor('the passes', () => passes.length >= count),
    end: async () => {
      stop.abort();
      await running;
    },
  };
}

const unread = new ConnectorError('nomad-unreachable', 'no answer');

describe('a fleet of loops', () => {
  it('tells once that Nomad can not be read, and again after it could', async () => {
    let works = false;
    const { fleet, told, passed, end } = start((side) =>
      works
        ? { side, picture: picture({ target: side }) }
        : { side: 'nomad', error: unread, times },
    );
    await passed(3);
    expect(told).to.deep.equal(['nomad failed']);
    works = true;
    fleet.wake('stream');
    await passed(6);
    expect(told.slice(1).sort()).to.deep.equal(targets);
    works = false;
    fleet.wake('stream');
    await passed(9);
    expect(told.slice(4)).to.deep.equal(['nomad failed']);
    await end();
  });

  it('tells of each HAProxy that fails', async () => {
    const error = new ConnectorError('haproxy-down', 'no answer');
    const { told, passed, end } = start((side) => ({ side, error, times }));
    await passed(3);
    expect(told.sort()).to.deep.equal(['a failed', 'b failed', 'c failed']);
    await end();
  });

  it('counts what wakes all of them once', async () => {
    const { fleet, wakes, passed, end } = start((side) => ({
      ...{ side, picture: picture({ target: side }) },
    }));
    await passed(3);
    fleet.wake('stream');
    fleet.wake('haproxy', 'b');
    await passed(6);
    expect(wakes).to.deep.equal(['start', 'stream', 'haproxy']);
    await end();
  });

  it('ends what a pass left under way, when the target leaves and at a stop', async () => {
    const stop = new AbortController();
    const left = new Map<string, AbortSignal>();
    const fleet = createFleet({
      ...{ targets, settings, onWake: () => undefined, onFailure: () => undefined },
      onSuccess: () => undefined,
      passOf: (target) => (_, signal) => {
        left.set(target, signal);
        return Promise.resolve([{ side: target, picture: picture({ target }) }]);
      },
    });
    const running = fleet.run(stop.signal);
    const isOver = (target: string): boolean => left.get(target)?.aborted === true;
    await waitFor('the passes', () => left.size === targets.length && !targets.some(fleet.isBusy));
    await fleet.left('a');
    expect(targets.filter(isOver)).to.deep.equal(['a']);
    stop.abort();
    await running;
    expect(targets.filter(isOver)).to.deep.equal(targets);
  });
});
