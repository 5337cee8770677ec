import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import { domainOf, enabledTags } from '../../fixtures/stack.js';
import type { WatchedApp } from './app.js';
import { converse, send } from './load.js';
import {
  allocOf,
  at,
  checkedTags,
  countedReloads,
  drains,
  servingPorts,
  useDeploys,
  withoutTimer,
} from './stack.js';

const web = domainOf('web');

/** R2.7. */
describe('a service that is scaled to zero, stopped and run again', () => {
  const deploys = useDeploys();

  it('scale 1 -> 0 -> 1: 503 while nothing runs, and then it is served, all without a reload', async () => {
    const { stack, apps, serve, reloads } = deploys();
    const [first, second] = (await apps('first', 'second')) as [WatchedApp, WatchedApp];
    const service = serve('web', [first]);
    const connector = stack.connector();
    await stack.waitServed(web);
    await connector.waitSettled();
    const before = await reloads();
    stack.nomad.scaleJob('web', 0);
    stack.nomad.stopAlloc(service.allocs[0]!.ID);
    await waitFor('nobody', async () => (await stack.request(web)).status === 503);
    await connector.waitSettled();
    expect((await stack.request(web)).status).to.equal(503);
    // Nor has a new process another view of it.
    await connector.stop();
    const next = stack.connector();
    await next.waitSettled();
    expect((await stack.request(web)).status).to.equal(503);
    stack.nomad.scaleJob('web', 1);
    service.addInstance(at(second));
    await stack.waitServed(web, [second]);
    expect(await reloads()).to.equal(before);
  });

  for (const purge of [false, true]) {
    it(`a job is stopped${purge ? ' and purged' : ''}: the route goes no later than the backend, and neither under a request`, async () => {
      const { stack, apps, serve, load } = deploys();
      const [gone, other] = (await apps('gone', 'other')) as [WatchedApp, WatchedApp];
      serve('web', [gone]);
      serve('other', [other]);
      const connector = stack.connector();
      await stack.waitServed(web);
      await stack.waitServed(domainOf('other'));
      await connector.waitSettled();
      const asked = load(domainOf('other'));
      const held = send(stack, { host: web, path: '/hold' });
      const talk = await converse(stack, web);
      await waitFor('a request in flight', () => gone.held === 2);
      stack.proxy.clear();
      stack.nomad.stopJob('web', { purge });
      await waitFor('no route', async () => (await stack.request(web)).status === 404);
      await waitFor('no backend', async () => {
        return !(await stack.configuration()).includes('backend nomad_web\n');
      });
      const writes = stack.proxy.writes().map(({ method, path }) => `${method} ${path}`);
      // One reload takes up the map without the route, and the configuration without the backend.
      const route = writes.findIndex((one) => /^PUT .*\/storage\/maps\/nomad_exact/.test(one));
      const commit = writes.findIndex((one) => /^PUT .*\/transactions\//.test(one));
      expect(route).to.be.at.least(0);
      expect(commit).to.be.greaterThan(route);
      await talk.echo('still there');
      gone.release();
      expect(await held).to.deep.equal({ status: 200, body: 'gone' });
      talk.end();
      expect(await asked.stop()).to.deep.equal([]);
      await connector.waitConverged();
      expect(countedReloads(connector).at(-1)).to.equal('removed-backend');
    });
  }

  it('a job that was stopped is run again', async () => {
    const { stack, apps, serve } = deploys();
    const [first, second] = (await apps('first', 'second')) as [WatchedApp, WatchedApp];
    serve('web', [first]);
    stack.connector();
    await stack.waitServed(web);
    stack.nomad.stopJob('web');
    await waitFor('no route', async () => (await stack.request(web)).status === 404);
    serve('web', [second]);
    await stack.waitServed(web, [second]);
  });
});

describe('instances whose node is lost', () => {
  const deploys = useDeploys();

  it('S6: they go, whatever the event was called', async () => {
    const { stack, apps, serve, load, reloads } = deploys();
    const [here, there] = (await apps('here', 'there')) as [WatchedApp, WatchedApp];
    const node = stack.nomad.addNode('node-2');
    const service = serve('web', [here]);
    service.addInstance({ ...at(there), nodeId: node.id });
    const connector = stack.connector({ settings: withoutTimer });
    await stack.waitBalanced(web, [here, there]);
    await connector.waitSettled();
    const before = await reloads();
    const asked = load(web);
    stack.nomad.loseNode(node.id);
    await waitFor('only one server', async () => {
      return (await servingPorts(stack, 'nomad_web')).join() === `${here.port}`;
    });
    const served = there.served;
    await asked.more(30);
    expect(there.served).to.equal(served);
    // Lost is lost: nothing is to be waited for.
    await connector.waitSettled();
    expect(await stack.configuration()).not.to.include(`:${there.port} `);
    expect(await asked.stop()).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
  });

  it('S6: the only one goes too, and nobody else is sent there', async () => {
    const { stack, apps, serve } = deploys();
    const [lost, other] = (await apps('lost', 'other')) as [WatchedApp, WatchedApp];
    const node = stack.nomad.addNode('node-2');
    const service = serve('web', []);
    service.addInstance({ ...at(lost), nodeId: node.id });
    serve('other', [other]);
    stack.connector({ settings: withoutTimer });
    await stack.waitServed(web, [lost]);
    stack.nomad.loseNode(node.id);
    await waitFor('nobody', async () => (await stack.request(web)).status === 503);
    expect(await servingPorts(stack, 'nomad_web')).to.deep.equal([]);
    await stack.waitServed(domainOf('other'), [other]);
  });

  it('they come back with a node that was only disconnected, and were never removed', async () => {
    const { stack, apps, serve } = deploys();
    const [here, there] = (await apps('here', 'there')) as [WatchedApp, WatchedApp];
    const node = stack.nomad.addNode('node-2');
    const service = serve('web', [here]);
    service.addInstance({ ...at(there), nodeId: node.id });
    const connector = stack.connector();
    await stack.waitBalanced(web, [here, there]);
    stack.nomad.disconnectNode(node.id);
    await there.close();
    await connector.waitConverged();
    for (let count = 0; count < 20; count++) {
      expect(await stack.request(web)).to.deep.equal({ status: 200, body: 'here' });
    }
    expect(await drains(stack, 'nomad_web')).to.deep.equal({});
    await there.open();
    stack.nomad.reconnectNode(node.id);
    await stack.waitBalanced(web, [here, there]);
  });

  it('a node is drained: each instance moves, and no request is lost', async () => {
    const { stack, apps, serve, load, reloads } = deploys();
    const old = await apps('a1', 'a2', 'a3');
    const young = await apps('b1', 'b2', 'b3');
    const elsewhere = stack.nomad.addNode('node-2').id;
    const service = serve('web', old);
    const connector = stack.connector({ settings: withoutTimer });
    await stack.waitBalanced(web, old);
    await connector.waitSettled();
    const before = await reloads();
    const loads = [load(web), load(web, { method: 'POST', keepAlive: true })];
    stack.nomad.drainNode(stack.nomad.firstNode.id);
    for (const [number, app] of old.entries()) {
      const next = young[number]!;
      stack.nomad.stopAlloc(allocOf(stack.nomad, app), 'deregistered');
      service.addInstance({ ...at(next), nodeId: elsewhere });
      await waitFor('a request', () => next.served > 0);
    }
    await stack.waitBalanced(web, young);
    await connector.waitSettled();
    for (const one of loads) expect(await one.stop()).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
  });
});

describe('the last instance that serves', () => {
  const deploys = useDeploys();

  it('S8: stays until its replacement is UP, and goes then', async () => {
    const { stack, app, serve, load } = deploys();
    const [old, young] = [await app('old'), await app('young', { healthy: false })];
    const service = serve('web', [old]);
    const connector = stack.connector();
    await stack.waitServed(web);
    const asked = load(web);
    stack.nomad.stopAlloc(allocOf(stack.nomad, old), 'deregistered');
    service.addInstance(at(young));
    await waitFor('refused checks', () => young.events.length >= 3);
    await connector.waitConverged();
    await asked.more(30);
    expect(await drains(stack, 'nomad_web')).to.deep.equal({});
    expect(asked.answers).to.have.all.keys('old');
    young.healthy = true;
    await stack.waitBalanced(web, [young]);
    await connector.waitSettled();
    expect(await servingPorts(stack, 'nomad_web')).to.deep.equal([young.port]);
    expect(await asked.stop()).to.deep.equal([]);
  });

  it('S8: stays while its replacement has yet to register, or to run', async () => {
    const { stack, app, serve, load } = deploys();
    const [old, young] = [await app('old'), await app('young')];
    const service = serve('web', [old]);
    const connector = stack.connector();
    await stack.waitServed(web);
    await connector.waitSettled();
    const asked = load(web);
    stack.nomad.stopAlloc(allocOf(stack.nomad, old), 'deregistered');
    await connector.waitConverged();
    await asked.more(30);
    const { ID } = service.addInstance({ ...at(young), clientStatus: 'pending' });
    await connector.waitConverged();
    await asked.more(30);
    expect(young.served).to.equal(0);
    stack.nomad.setClientStatus(ID, 'running');
    await stack.waitBalanced(web, [young]);
    await connector.waitSettled();
    expect(await asked.stop()).to.deep.equal([]);
  });

  it('S8: goes whatever once its allocation is over', async () => {
    const { stack, app, serve } = deploys();
    const [old, young] = [await app('old'), await app('young', { healthy: false })];
    const service = serve('web', [old]);
    const connector = stack.connector();
    await stack.waitServed(web);
    const alloc = allocOf(stack.nomad, old);
    stack.nomad.stopAlloc(alloc, 'deregistered');
    service.addInstance(at(young));
    await waitFor('a refused check', () => young.events.length > 0);
    await connector.waitConverged();
    expect((await stack.request(web)).body).to.equal('old');
    stack.nomad.setClientStatus(alloc, 'complete');
    await waitFor('nobody', async () => (await stack.request(web)).status === 503);
    const served = old.served;
    young.healthy = true;
    await stack.waitServed(web, [young]);
    expect(old.served).to.equal(served);
  });

  it('S8: a backend that had no check gets that of the new version, and the old one serves meanwhile', async () => {
    const { stack, app, serve, load } = deploys();
    const [old, young] = [await app('old'), await app('young', { healthy: false })];
    const service = serve('web', [old], {
      tags: [...enabledTags('web'), 'haproxy.check.disabled=true'],
    });
    const connector = stack.connector();
    await stack.waitServed(web);
    await connector.waitSettled();
    expect(old.checks).to.deep.equal([]);
    const asked = load(web);
    const alloc = allocOf(stack.nomad, old);
    service.update((group) => ({
      ...group,
      Services: [{ ...group.Services![0]!, Tags: checkedTags('web') }],
    }));
    stack.nomad.stopAlloc(alloc, 'deregistered');
    service.addInstance(at(young));
    await waitFor('refused checks', () => young.events.length >= 3);
    await asked.more(30);
    expect(young.served).to.equal(0);
    young.healthy = true;
    await stack.waitBalanced(web, [young]);
    expect(await asked.stop()).to.deep.equal([]);
    expect(await stack.configuration()).to.include('option httpchk');
  });
});
