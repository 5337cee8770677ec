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
    for (const some of [
      [a!, b!],
      [a!, b!, c!],
    ]) {
      one.state.now += 300;
      one.state.catalog = catalogOf(...some);
      const { reloads, rest } = await one.pass(spaced);
      expect(reloads).to.deep.equal([]);
      expect(rest.gathering).to.equal(true);
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
});
