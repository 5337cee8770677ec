import { expect } from 'chai';

import { createRollout } from '../../src/rollout/rollout.js';
import { ConnectorError } from '../../src/shared/errors.js';
import type { Picture } from '../../src/pass/picture.js';
import type { Outcome } from '../../src/pass/run.js';
import { catalogOf, enabled, instance, service } from '../desired/given.js';
import { nomadState, passesOver } from './given.js';
import { haproxy, refuses } from './given-haproxy.js';

const down = new ConnectorError('haproxy-down', 'no answer');

function routed(name: string, domain = `${name}.io`) {
  return service(name, {
    instances: [
      instance({ id: name, port: 20_000 + name.length, tags: enabled(`domain=${domain}`) }),
    ],
  });
}

/** Three HAProxies and one gate. */
function three() {
  const proxies = ['one', 'three', 'two'].map((name) => haproxy(name));
  const [one, second, third] = proxies;
  if (!one || !second || !third) throw new Error('there are three');
  const state = nomadState(catalogOf(routed('web')));
  const { pass } = passesOver(
    proxies.map(({ target }) => target),
    state,
  );
  let now = 0;
  const called: string[] = [];
  const rollout = createRollout({
    targets: () => proxies.map(({ target }) => target.name),
    ...{ settleMs: 1000, maxParallel: 1, patienceMs: 10_000 },
    now: () => now,
    onTurn: (name) => called.push(name),
    later: () => () => undefined,
  });
  return {
    ...{ one, second, third, proxies, state, called, rollout },
    later: (ms: number) => (now += ms),
    pass: (name?: string, until?: AbortSignal) =>
      pass((side) => name === undefined || side === name, { rollout }, undefined, until),
    once: () => pass(undefined, { rollout, staysRunning: false }),
    stands: () => proxies.map(({ stands }) => stands().join(' ')),
  };
}

function pictureOf(outcomes: readonly Outcome[], name: string): Picture {
  const outcome = outcomes.find(({ side }) => side === name);
  if (outcome === undefined || 'error' in outcome) throw new Error(`${name} has no picture`);
  return outcome.picture;
}

describe('passes over several HAProxies in order', () => {
  it('reload the canary first, and the others when that has settled', async () => {
    const { pass, later, stands } = three();
    const first = await pass();
    expect(stands()).to.deep.equal(['nomad_web', '', '']);
    const { rest } = pictureOf(first, 'three');
    expect(rest.gathering?.rollout).to.deep.equal({ for: ['one'], services: ['default/web'] });
    await pass();
    expect(stands()).to.deep.equal(['nomad_web', '', '']);
    later(1000);
    // Both at once would have one turn, and which passes overlap is a matter of time.
    for (const name of ['three', 'two']) await pass(name);
    expect(stands()).to.deep.equal(['nomad_web', 'nomad_web', 'nomad_web']);
  });

  it('bring what runs already while the rest waits', async () => {
    const { pass, later, stands, state } = three();
    await pass();
    later(1000);
    state.catalog = catalogOf(routed('shop'), ...state.catalog.services);
    await pass('three');
    expect(stands()).to.deep.equal(['nomad_web', 'nomad_web', '']);
    await pass('one');
    expect(stands()).to.deep.equal(['nomad_shop nomad_web', 'nomad_web', '']);
    later(1000);
    // The other one had been called meanwhile.
    for (const name of ['three', 'two', 'three']) await pass(name);
    expect(stands()).to.deep.equal(Array(3).fill('nomad_shop nomad_web'));
  });

  it('say nothing of one that leaves meanwhile: another may have its name', async () => {
    const { one, pass, later, rollout, stands } = three();
    const gone = new AbortController();
    one.state.script.commit = () => {
      gone.abort();
      rollout.forget('one');
      return undefined;
    };
    await pass('one', gone.signal);
    expect(stands()).to.deep.equal(['nomad_web', '', '']);
    later(1000);
    await pass('three');
    expect(stands()).to.deep.equal(['nomad_web', '', '']);
    expect(rollout.status().targets[1]).to.include({ name: 'three', services: 1 });
  });

  it('skip what the canary refused without trying it', async () => {
    const { one, second, third, pass, later, state } = three();
    one.state.script.commit = (_, edits) =>
      edits.some(({ options }) => JSON.stringify(options.json).includes('nomad_bad'))
        ? refuses(400, 'validation error: nomad_bad')
        : undefined;
    state.catalog = catalogOf(routed('bad'), routed('web'));
    await pass();
    expect(one.blamed()).to.deep.equal(['default/bad']);
    later(1000);
    await pass();
    const outcomes = await pass();
    for (const { stands, blamed, count } of [second, third]) {
      expect(stands()).to.deep.equal(['nomad_web']);
      expect(blamed()).to.deep.equal([]);
      expect(count('commit')).to.equal(1);
    }
    expect(pictureOf(outcomes, 'two').rest.skipped).to.deep.equal([
      {
        ...{ service: 'default/bad', code: 'rejected-by-haproxy', backend: 'nomad_bad' },
        reason: 'refused by one: commit: HTTP 400: validation error: nomad_bad',
      },
    ]);
    delete one.state.script.commit;
    state.now += 60_000;
    await pass('one');
    later(1000);
    for (const name of ['three', 'two']) await pass(name);
    for (const { stands } of [one, second, third]) {
      expect(stands()).to.deep.equal(['nomad_bad', 'nomad_web']);
    }
  });

  it('go on with the next by name where the canary fails', async () => {
    const { one, pass, later, stands } = three();
    one.state.readErrors = Array<ConnectorError>(9).fill(down);
    await pass();
    await pass();
    expect(stands()).to.deep.equal(['', 'nomad_web', '']);
    later(1000);
    await pass();
    expect(stands()).to.deep.equal(['', 'nomad_web', 'nomad_web']);
  });

  it('tell nothing of an HAProxy that has left meanwhile: another may have its name', async () => {
    const { pass, later, stands } = three();
    const gone = new AbortController();
    gone.abort();
    await pass('one', gone.signal);
    expect(stands()).to.deep.equal(['nomad_web', '', '']);
    later(1000);
    const outcomes = await pass('two');
    expect(pictureOf(outcomes, 'two').rest.gathering?.rollout?.for).to.deep.equal(['one', 'three']);
    expect(stands()).to.deep.equal(['nomad_web', '', '']);
  });

  it('remove from the canary first', async () => {
    const { pass, later, stands, state } = three();
    await pass();
    later(1000);
    for (const name of ['three', 'two']) await pass(name);
    state.catalog = catalogOf(routed('shop'));
    const stopped = async (name: string) => {
      for (let passes = 0; passes < 4; passes++) await pass(name);
    };
    await stopped('two');
    expect(stands()[2]).to.equal('nomad_web');
    await stopped('one');
    expect(stands()[0]).to.equal('nomad_shop');
    later(1000);
    await stopped('two');
    expect(stands()[2]).to.equal('nomad_shop');
  });

  it('wait for each other in a single run', async () => {
    const { stands, once, later, called, rollout } = three();
    const clock = setInterval(() => {
      later(500);
      rollout.failed('nobody');
    }, 5);
    await once().finally(() => clearInterval(clock));
    expect(stands()).to.deep.equal(['nomad_web', 'nomad_web', 'nomad_web']);
    expect(called).to.deep.equal(['three', 'two']);
  });

  it('learn in a single run what the canary refused', async () => {
    const { one, second, third, once, later, state, rollout } = three();
    one.state.script.commit = (_, edits) =>
      edits.some(({ options }) => JSON.stringify(options.json).includes('nomad_bad'))
        ? refuses(400, 'validation error: nomad_bad')
        : undefined;
    state.catalog = catalogOf(routed('bad'), routed('web'));
    const clock = setInterval(() => {
      later(500);
      rollout.failed('nobody');
    }, 5);
    const outcomes = await once().finally(() => clearInterval(clock));
    for (const { stands, blamed } of [second, third]) {
      expect(stands()).to.deep.equal(['nomad_web']);
      expect(blamed()).to.deep.equal([]);
    }
    const { skipped } = pictureOf(outcomes, 'two').rest;
    expect(skipped[0]?.reason).to.match(/^refused by one: /);
  });

  it('ask nobody where there is one', async () => {
    const alone = haproxy('alone');
    const state = nomadState(catalogOf(routed('web')));
    const { pass } = passesOver([alone.target], state);
    const rollout = createRollout({
      ...{ targets: () => ['alone'], settleMs: 1000, maxParallel: 1, patienceMs: 10_000 },
    });
    await pass(undefined, { rollout });
    expect(alone.stands()).to.deep.equal(['nomad_web']);
  });
});
