import { expect } from 'chai';

import type { DataPlaneReader } from '../../src/actual/dataplane-client.js';
import type { Plan, Step } from '../../src/diff/types.js';
import { askBetweenPasses, planWithIdle } from '../../src/pass/idle-slots.js';
import { actualBackend, actualState, drainingSlot, now, slot } from '../diff/given.js';
import { haproxy } from './given-haproxy.js';
import { picture } from './given-picture.js';

const web = (seconds: number) =>
  actualState([actualBackend('web', { slots: [drainingSlot('nomad_web_1', 'a', seconds)] })]);
const draining = web(5);
const withMany = actualState([
  actualBackend('web', {
    slots: [
      drainingSlot('nomad_web_1', 'a', 5),
      ...Array.from({ length: 1000 }, (_, at) => slot(`nomad_web_${at + 2}`)),
    ],
  }),
]);
const change = (backend: string): Step =>
  ({ kind: 'replace-backend', route: 'transaction', backend }) as unknown as Step;
const marker = { kind: 'set-marker', route: 'transaction' } as unknown as Step;

interface Given {
  readonly staysRunning?: boolean;
  /** Its answers wait until `answer`. */
  readonly held?: boolean;
}

/** A Data Plane API whose statistics take a while, on its clock or until they are let go. */
function world(tookMs: number, { staysRunning = false, held = false }: Given = {}) {
  const state = { nowMs: now * 1000, asked: 0, planned: [] as string[][] };
  const waiting: ((status: number) => void)[] = [];
  const { target } = haproxy();
  const client: DataPlaneReader = {
    url: 'http://127.0.0.1',
    get: async () => {
      state.asked += 1;
      state.nowMs += tookMs;
      const stats = [{ name: 'nomad_web_1', stats: { scur: 0, qcur: 0 } }];
      const status = held ? await new Promise<number>((resolve) => waiting.push(resolve)) : 200;
      return { status, body: { stats } };
    },
  };
  const context = {
    target: { ...target, client },
    timed: <T>(_phase: string, task: () => T): T => task(),
    signal: new AbortController().signal,
    now: () => state.nowMs,
    staysRunning,
  };
  const look = (
    actual = draining,
    steps: readonly Step[] = [],
    again: { readonly looksBack?: true } = {},
  ): Promise<Plan> =>
    planWithIdle({ ...context, ...again }, actual, (idle) => {
      state.planned.push([...idle]);
      return Promise.resolve({ ...picture().plan, steps });
    });
  const between = (actual = draining): void => askBetweenPasses(context, actual);
  const answer = async (status = 200): Promise<void> => {
    state.nowMs += 1000;
    for (const go of waiting.splice(0)) go(status);
    await context.target.memory.idleAsked?.ended.catch(() => undefined);
  };
  return { state, look, between, answer };
}

describe('drains that may have ended', () => {
  it('are not asked about where nothing drains', async () => {
    const { state, look } = world(0);
    await look(actualState([]), [change('nomad_web')]);
    expect(state).to.include({ asked: 0 });
    expect(state.planned).to.deep.equal([[]]);
  });

  it('are asked about for at most a fifth of the time', async () => {
    const { state, look } = world(1000);
    for (let second = 0; second < 20; second++) {
      await look();
      state.nowMs += 1000;
    }
    expect(state.asked).to.equal(5);
  });

  it('are asked about each time where that costs nothing', async () => {
    const { state, look } = world(0);
    for (let count = 0; count < 3; count++) await look();
    expect(state.asked).to.equal(3);
  });

  it('are known as ended until they drain anew', async () => {
    const { state, look } = world(1000);
    await look();
    await look();
    await look(web(4));
    expect(state.planned).to.deep.equal([['nomad_web_1'], ['nomad_web_1'], []]);
    expect(state.asked).to.equal(1);
  });

  it('are asked about before a reload that a free slot may make needless', async () => {
    const { state, look } = world(1000);
    await look();
    await look(draining, [marker, change('nomad_web')]);
    expect(state.asked).to.equal(2);
    await look(draining, [marker, change('nomad_web'), change('nomad_other')]);
    await look(draining, [marker]);
    expect(state.asked).to.equal(2);
  });

  it('are asked about at once when the clock was set back', async () => {
    const { state, look } = world(1000);
    await look();
    state.nowMs -= 2000;
    await look();
    expect(state.asked).to.equal(2);
  });

  describe('in a process that stays, where the answer takes long', () => {
    const daemon = { staysRunning: true } as const;

    it('hold up no pass: the next one has the answer', async () => {
      const { state, look, answer } = world(0, { ...daemon, held: true });
      await look();
      await look();
      await answer();
      await look();
      expect(state.planned.slice(0, 2)).to.deep.equal([[], []]);
      expect(state.planned[2]).to.deep.equal(['nomad_web_1']);
    });

    it('are not known to a pass that they ended in', async () => {
      const { state, look, answer } = world(0, { ...daemon, held: true });
      await look();
      await answer();
      await look(draining, [], { looksBack: true });
      await look();
      await look(draining, [], { looksBack: true });
      expect(state.planned).to.deep.equal([[], [], ['nomad_web_1'], ['nomad_web_1']]);
    });

    it('are asked about between passes, at the same pace', async () => {
      const { state, look, between } = world(1000, daemon);
      await look();
      for (let second = 0; second < 20; second++) {
        const { asked } = state;
        await look();
        expect(state.asked).to.equal(asked);
        between();
        await look();
        state.nowMs += 1000;
      }
      expect(state.asked).to.equal(5);
    });

    it('are asked about between passes from the first on where there are many servers', async () => {
      const { state, look, between, answer } = world(1000, daemon);
      await look(withMany);
      expect(state.asked).to.equal(0);
      between(withMany);
      await answer();
      await look(withMany);
      expect([state.asked, state.planned]).to.deep.equal([1, [[], ['nomad_web_1']]]);
    });

    it('are not asked about between passes where the answer is quick', async () => {
      const { state, look, between } = world(0, daemon);
      await look();
      between();
      expect(state.asked).to.equal(1);
    });

    it('are waited for before a reload that a free slot may make needless', async () => {
      const { state, look, answer } = world(0, { ...daemon, held: true });
      const looked = look(draining, [change('nomad_web')]);
      while (state.planned.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await answer();
      await looked;
      expect(state.planned).to.deep.equal([[], ['nomad_web_1']]);
      expect(state.asked).to.equal(1);
    });

    it('are asked about again after an error that no pass waited for', async () => {
      const { state, look, answer } = world(0, { ...daemon, held: true });
      await look();
      await answer(500);
      await look();
      expect(state.asked).to.equal(2);
      await answer();
    });
  });
});
