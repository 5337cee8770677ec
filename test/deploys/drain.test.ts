import { expect } from 'chai';

import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import { waitFor } from '../../fixtures/process.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { type Answer, domainOf } from '../../fixtures/stack.js';
import type { WatchedApp } from './app.js';
import { type Load, converse, send } from './load.js';
import {
  allocOf,
  at,
  checkedTags,
  drainingFor,
  drains,
  serverLines,
  servingPorts,
  updateInPlace,
  useDeploys,
} from './stack.js';

const web = domainOf('web');

/** R4.1. */
describe('an instance that leaves', () => {
  const deploys = useDeploys();
  let leaving: WatchedApp;
  let staying: WatchedApp;
  let service: ServiceHandle;
  let connector: Connector;
  let worker: number;

  beforeEach(async () => {
    const { stack, apps, serve } = deploys();
    [leaving, staying] = (await apps('leaving', 'staying')) as [WatchedApp, WatchedApp];
    service = serve('web', [leaving, staying]);
    connector = stack.connector({ settings: drainingFor(600) });
    await stack.waitBalanced(web, [leaving, staying]);
    await connector.waitSettled();
    worker = await stack.dp.haproxy.workerPid();
  });

  const restart = async (seconds = 600): Promise<void> => {
    await connector.stop();
    connector = deploys().stack.connector({ settings: drainingFor(seconds) });
    await connector.waitConverged();
  };

  /** Requests that hold until the test lets them go; at least one with each instance. */
  async function hold(): Promise<{ readonly end: () => Promise<Answer[]> }> {
    const { stack } = deploys();
    const sent = Promise.all([1, 2, 3, 4].map(() => send(stack, { host: web, path: '/hold' })));
    await waitFor('requests in flight', () => leaving.held === 2 && staying.held === 2);
    return {
      end: () => {
        leaving.release();
        staying.release();
        return sent;
      },
    };
  }

  const drainBegan = (): Promise<number> =>
    waitFor('a drain', async () => {
      return Object.values(await drains(deploys().stack, 'nomad_web'))[0];
    });

  async function expectLeftAlone(load: Load): Promise<void> {
    const before = leaving.served;
    await load.more(50);
    expect(leaving.served).to.equal(before);
  }

  const isFree = async (): Promise<boolean> => {
    const lines = await serverLines(deploys().stack, 'nomad_web');
    return lines.every((line) => !line.includes(`:${leaving.port} `));
  };

  it('gets no new request, and what it has begun is finished', async () => {
    const { stack, load } = deploys();
    const held = await hold();
    const asked = load(web);
    stack.nomad.stopAlloc(allocOf(stack.nomad, leaving), 'deregistered');
    await drainBegan();
    await expectLeftAlone(asked);
    const answers = await held.end();
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200]);
    expect(answers.map(({ body }) => body)).to.include('leaving');
    expect(await asked.stop()).to.deep.equal([]);
    // Idle now, long before its deadline.
    await waitFor('a free slot', isFree);
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
  });

  it('drains on over restarts of the connector, from the second in which it began', async () => {
    const { stack, load } = deploys();
    const held = await hold();
    stack.nomad.stopAlloc(allocOf(stack.nomad, leaving));
    const began = await drainBegan();
    const asked = load(web);
    for (let count = 0; count < 2; count++) {
      await restart();
      await expectLeftAlone(asked);
      expect(Object.values(await drains(stack, 'nomad_web'))).to.deep.equal([began]);
    }
    expect((await held.end()).map(({ status }) => status)).to.deep.equal([200, 200, 200, 200]);
    await waitFor('a free slot', isFree);
    expect(await asked.stop()).to.deep.equal([]);
  });

  it('is let go at the deadline, counted from the start of the drain, and its requests live on', async () => {
    const { stack } = deploys();
    const held = await hold();
    const talks = await Promise.all([1, 2, 3, 4].map(() => converse(stack, web)));
    await waitFor('upgraded connections', () => leaving.held + staying.held === 8);
    stack.nomad.stopAlloc(allocOf(stack.nomad, leaving), 'deregistered');
    const began = await drainBegan();
    await connector.waitConverged();
    // A process that knows of no drain but by the metadata.
    await restart(3);
    await waitFor('a free slot', isFree);
    expect(Date.now() / 1000 - began).to.be.at.least(3);
    for (const talk of talks) await talk.echo('still there');
    const answers = await held.end();
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200]);
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
    for (const talk of talks) talk.end();
  });

  it('S17: the same instance is back within the drain: it serves again, and stays', async () => {
    const { stack, load, app } = deploys();
    const held = await hold();
    const id = allocOf(stack.nomad, leaving);
    const asked = load(web);
    stack.nomad.setClientStatus(id, 'pending');
    stack.nomad.deregisterInstance(id);
    await drainBegan();
    await expectLeftAlone(asked);
    stack.nomad.registerInstance(id, { web: at(leaving) });
    stack.nomad.setClientStatus(id, 'running');
    await waitFor('requests again', () => leaving.served > 20);
    await held.end();
    await connector.waitSettled();
    expect(await drains(stack, 'nomad_web')).to.deep.equal({});
    // And over a restart, and with others that come.
    await restart();
    const late = await app('late');
    service.addInstance(at(late));
    await stack.waitBalanced(web, [leaving, staying, late]);
    expect(await asked.stop()).to.deep.equal([]);
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
  });

  it('S17: another instance on the same address and port within the drain: it is served', async () => {
    const { stack, load } = deploys();
    const held = await hold();
    const asked = load(web);
    stack.nomad.stopAlloc(allocOf(stack.nomad, leaving), 'deregistered');
    await drainBegan();
    await expectLeftAlone(asked);
    service.addInstance(at(leaving));
    const before = leaving.served;
    await waitFor('requests again', () => leaving.served > before + 20);
    expect(Object.keys(await drains(stack, 'nomad_web'))).to.have.lengthOf(1);
    await held.end();
    await connector.waitSettled();
    // What drained is gone, and the other one is not.
    await waitFor('the end of the drain', async () => {
      return Object.keys(await drains(stack, 'nomad_web')).length === 0;
    });
    await stack.waitBalanced(web, [leaving, staying]);
    expect(await servingPorts(stack, 'nomad_web')).to.have.members([leaving.port, staying.port]);
    expect(await asked.stop()).to.deep.equal([]);
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
  });

  it('S20: it drains on over reloads, ours and others’, and over a restart in between', async () => {
    const { stack, load, serve, otherWriter } = deploys();
    const held = await hold();
    stack.nomad.stopAlloc(allocOf(stack.nomad, leaving), 'deregistered');
    const began = await drainBegan();
    const asked = load(web);
    await otherWriter('theirs_one');
    await expectLeftAlone(asked);
    await connector.stop();
    await otherWriter('theirs_two');
    await expectLeftAlone(asked);
    connector = stack.connector({ settings: drainingFor(600) });
    serve('other', [staying]);
    await stack.waitServed(domainOf('other'), [staying]);
    await expectLeftAlone(asked);
    // And its own backend is written again.
    const tags = checkedTags('web', ['timeout.server=20s']);
    updateInPlace(stack, service, tags);
    await waitFor('a changed backend', async () => {
      return (await stack.configuration()).includes('timeout server 20');
    });
    await expectLeftAlone(asked);
    for (const since of Object.values(await drains(stack, 'nomad_web'))) {
      expect(since).to.equal(began);
    }
    expect((await held.end()).map(({ status }) => status)).to.deep.equal([200, 200, 200, 200]);
    await waitFor('a free slot', isFree);
    await expectLeftAlone(asked);
    expect(await asked.stop()).to.deep.equal([]);
  });

  it('S20: it was drained in HAProxy alone when a reload came: the next pass drains it again', async () => {
    const { stack, load, otherWriter } = deploys();
    const asked = load(web);
    await connector.stop();
    stack.nomad.stopAlloc(allocOf(stack.nomad, leaving));
    await otherWriter('theirs');
    connector = stack.connector({ settings: drainingFor(600) });
    await drainBegan();
    await expectLeftAlone(asked);
    expect(await asked.stop()).to.deep.equal([]);
  });
});
