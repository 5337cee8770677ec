import { expect } from 'chai';

import type { DataPlaneReader } from '../../src/actual/dataplane-client.js';
import type { Plan, Step } from '../../src/diff/types.js';
import { planWithIdle } from '../../src/pass/idle-slots.js';
import { actualBackend, actualState, drainingSlot, now } from '../diff/given.js';
import { haproxy } from './given-haproxy.js';
import { picture } from './given-picture.js';

const draining = actualState([
  actualBackend('web', { slots: [drainingSlot('nomad_web_1', 'a', 5)] }),
]);
const reload = { kind: 'reload', route: 'transaction', reason: 'test' } as unknown as Step;

/** A Data Plane API whose statistics take a while. */
function world(tookMs: number) {
  const state = { nowMs: now * 1000, asked: 0, planned: [] as string[][] };
  const { target } = haproxy();
  const client: DataPlaneReader = {
    url: 'http://127.0.0.1',
    get: () => {
      state.asked += 1;
      state.nowMs += tookMs;
      const stats = [{ name: 'nomad_web_1', stats: { scur: 0, qcur: 0 } }];
      return Promise.resolve({ status: 200, body: { stats } });
    },
  };
  const context = {
    target: { ...target, client },
    timed: <T>(_phase: string, task: () => T): T => task(),
    signal: new AbortController().signal,
    now: () => state.nowMs,
  };
  const look = (actual = draining, steps: readonly Step[] = []): Promise<Plan> =>
    planWithIdle(context, actual, (idle) => {
      state.planned.push([...idle]);
      return Promise.resolve({ ...picture().plan, steps });
    });
  return { state, look };
}

describe('drains that may have ended', () => {
  it('are not asked about where nothing drains', async () => {
    const { state, look } = world(0);
    await look(actualState([]), [reload]);
    expect(state).to.include({ asked: 0 });
    expect(state.planned).to.deep.equal([[]]);
  });

  it('are asked about for at most a fifth of the time', async () => {
    const { state, look } = world(1000);
    const asked: number[] = [];
    for (let second = 0; second < 20; second++) {
      await look();
      asked.push(state.asked);
      state.nowMs += 1000;
    }
    expect(state.planned[0]).to.deep.equal(['nomad_web_1']);
    expect(state.planned[1]).to.deep.equal([]);
    expect(asked.at(-1)).to.equal(4);
  });

  it('are asked about each time where that costs nothing', async () => {
    const { state, look } = world(0);
    for (let count = 0; count < 3; count++) await look();
    expect(state.asked).to.equal(3);
  });

  it('are asked about before a reload in any case: a free slot may make it needless', async () => {
    const { state, look } = world(1000);
    await look();
    await look(draining, [reload]);
    expect(state.asked).to.equal(2);
    expect(state.planned).to.deep.equal([['nomad_web_1'], [], ['nomad_web_1']]);
  });

  it('are asked about at once when the clock was set back', async () => {
    const { state, look } = world(1000);
    await look();
    state.nowMs -= 2000;
    await look();
    expect(state.asked).to.equal(2);
  });
});
