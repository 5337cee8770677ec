import { expect } from 'chai';

import { catalogOf, enabled, instance, service, settings } from '../desired/given.js';
import { world } from './given.js';

const routed = (name: string) =>
  service(name, { instances: [instance({ tags: enabled(`domain=${name}.io`) })] });

const spaced = {
  settings: {
    ...settings,
    routing: { ...settings.routing, mode: 'rules' },
    limits: { ...settings.limits, reloadIntervalMs: 1000 },
  },
} as const;

describe('the time between reloads', () => {
  it('the first change goes at once, those that follow go together', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map(routed);
    const one = world(catalogOf(a!));
    expect((await one.pass(spaced)).reloads).to.have.length(1);
    for (const [left, some] of [
      [700, [a!, b!]],
      [400, [a!, b!, c!]],
    ] as const) {
      one.state.now += 300;
      one.state.catalog = catalogOf(...some);
      const { reloads, rest } = await one.pass(spaced);
      expect(reloads).to.deep.equal([]);
      expect(rest.gathering?.afterMs).to.equal(left);
      expect(rest.steps).not.to.deep.equal([]);
      expect(one.stands()).to.deep.equal(['nomad_a']);
    }
    one.state.now += 400;
    const { reloads, rest } = await one.pass(spaced);
    expect(reloads).to.have.length(1);
    expect([rest.gathering, rest.steps]).to.deep.equal([undefined, []]);
    expect(one.stands()).to.deep.equal(['nomad_a', 'nomad_b', 'nomad_c']);
  });

  it('a clock that was set back makes nothing wait', async () => {
    const a = routed('a');
    const one = world(catalogOf(a));
    await one.pass(spaced);
    one.state.now -= 3_600_000;
    one.state.catalog = catalogOf(a, routed('b'));
    expect((await one.pass(spaced)).reloads).to.have.length(1);
  });

  it('a single run waits instead of leaving something', async () => {
    const a = routed('a');
    const one = world(catalogOf(a));
    await one.pass(spaced);
    one.state.catalog = catalogOf(a, routed('b'));
    one.state.now += 990;
    const { reloads, rest } = await one.pass({ ...spaced, staysRunning: false });
    expect(reloads).to.have.length(1);
    expect(rest.steps).to.deep.equal([]);
  });

  describe('after the first wake', () => {
    const { debounceMs } = settings.sync;

    it('a reload waits for the rest of the change, whatever came before', async () => {
      const a = routed('a');
      const one = world(catalogOf(a));
      const occasion = { nomadChanged: true, gatherUntil: one.state.now + debounceMs };
      const { reloads, rest } = await one.pass({ ...spaced, occasion });
      expect([reloads, rest.gathering]).to.deep.equal([[], { afterMs: debounceMs }]);
      expect((await one.pass(spaced)).reloads).to.have.length(1);
    });

    it('also where the pass took longer than that: it read too early', async () => {
      const one = world(catalogOf(routed('a')));
      const occasion = { nomadChanged: true, gatherUntil: one.state.now - 1 };
      const { reloads, rest } = await one.pass({ ...spaced, occasion });
      expect([reloads, rest.gathering]).to.deep.equal([[], { afterMs: 0 }]);
    });

    it('a clock that was set back makes nothing wait longer than the debounce', async () => {
      const one = world(catalogOf(routed('a')));
      const occasion = { nomadChanged: true, gatherUntil: one.state.now + 3_600_000 };
      const { rest } = await one.pass({ ...spaced, occasion });
      expect(rest.gathering).to.deep.equal({ afterMs: debounceMs });
    });

    it('an instance that comes does not wait, nor is its backend resized for it', async () => {
      const [a, b] = [routed('a'), routed('b')];
      const one = world(catalogOf(a));
      await one.pass(spaced);
      one.state.now += 2000;
      const more = instance({ tags: enabled('domain=a.io') });
      one.state.catalog = catalogOf({ ...a, instances: [...a.instances, more] }, b);
      const occasion = { nomadChanged: true, gatherUntil: one.state.now + debounceMs };
      const { plan, rest } = await one.pass({ ...spaced, occasion });
      const kinds = plan.steps.map(({ kind }) => kind);
      expect(kinds).to.include('bind-slot').and.not.include('replace-backend');
      expect(rest.gathering).to.deep.equal({ afterMs: debounceMs });
    });
  });
});
