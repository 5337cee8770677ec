import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import type { SeenRequest } from '../../fixtures/stack/interceptor.js';
import { domainOf, enabledTags } from '../../fixtures/stack.js';
import type { WatchedApp } from './app.js';
import { allocOf, at, servingPorts, useDeploys, withoutGuard, withoutTimer } from './stack.js';

const web = domainOf('web');

/** R4.4: whatever comes between whatever. */
describe('deployments that meet something else', () => {
  const deploys = useDeploys();

  for (const order of ['the old one leaves first', 'the new one comes first'] as const) {
    it(`the same address under a new instance within milliseconds: ${order}`, async () => {
      const { stack, apps, serve, load, reloads } = deploys();
      const [moving, other] = (await apps('moving', 'other')) as [WatchedApp, WatchedApp];
      const service = serve('web', [moving, other]);
      const connector = stack.connector({ settings: withoutTimer });
      await stack.waitBalanced(web, [moving, other]);
      await connector.waitSettled();
      const before = await reloads();
      const asked = load(web);
      let old = allocOf(stack.nomad, moving);
      for (let count = 0; count < 2; count++) {
        if (order === 'the old one leaves first') stack.nomad.stopAlloc(old, 'deregistered');
        const { ID } = service.addInstance(at(moving));
        if (order === 'the new one comes first') stack.nomad.stopAlloc(old, 'deregistered');
        stack.nomad.setClientStatus(old, 'complete');
        old = ID;
        await asked.more(5);
      }
      await stack.waitBalanced(web, [moving, other]);
      await connector.waitSettled();
      await stack.waitBalanced(web, [moving, other]);
      const ports = await servingPorts(stack, 'nomad_web');
      expect(ports).to.have.members([moving.port, other.port]);
      expect(await asked.stop()).to.deep.equal([]);
      expect(await reloads()).to.equal(before);
    });
  }

  it('two versions with one service name, each checked on its own path', async () => {
    const { stack, app, serve, load } = deploys();
    const old = await app('old', { healthPath: '/health' });
    const young = await app('young', { healthPath: '/v2/health' });
    const service = serve('web', [old]);
    const connector = stack.connector({ settings: withoutTimer });
    await stack.waitServed(web);
    await connector.waitSettled();
    const asked = load(web);
    const tags = [...enabledTags('web'), 'haproxy.check.path=/v2/health'];
    service.update((group) => ({ ...group, Services: [{ ...group.Services![0]!, Tags: tags }] }));
    service.addInstance(at(young));
    await stack.waitBalanced(web, [old, young]);
    await connector.waitSettled();
    await asked.more(60);
    expect(await servingPorts(stack, 'nomad_web')).to.have.members([old.port, young.port]);
    stack.nomad.stopAlloc(allocOf(stack.nomad, old), 'deregistered');
    await stack.waitBalanced(web, [young]);
    await connector.waitSettled();
    expect(await asked.stop()).to.deep.equal([]);
  });

  it('two jobs with one service name', async () => {
    const { stack, apps, serve, load } = deploys();
    const [a, b] = (await apps('a', 'b')) as [WatchedApp, WatchedApp];
    serve('web', [a], { job: { ID: 'blue' } });
    stack.connector({ settings: withoutTimer });
    await stack.waitServed(web, [a]);
    const asked = load(web);
    serve('web', [b], { job: { ID: 'green' } });
    await stack.waitBalanced(web, [a, b]);
    stack.nomad.stopJob('blue', { phase: 'deregistered' });
    await stack.waitBalanced(web, [b]);
    expect(await asked.stop()).to.deep.equal([]);
  });

  it('a deploy while others make HAProxy reload', async () => {
    const { stack, apps, serve, load, otherWriter } = deploys();
    const old = await apps('a1', 'a2', 'a3');
    const young = await apps('b1', 'b2', 'b3');
    const service = serve('web', old);
    const connector = stack.connector({ settings: withoutTimer });
    await stack.waitBalanced(web, old);
    // The server state file follows: it knows who has come UP.
    await connector.waitSettled();
    const loads = [load(web), load(web, { method: 'POST', keepAlive: true })];
    let count = 0;
    const others = async (): Promise<void> => {
      for (let more = 0; more < 3; more++) await otherWriter(`theirs_${++count}`);
    };
    for (const [number, app] of old.entries()) {
      const next = young[number]!;
      const reloading = others();
      stack.nomad.stopAlloc(allocOf(stack.nomad, app), 'deregistered');
      service.addInstance(at(next));
      await waitFor('a request', () => next.served > 0, { timeoutMs: 20_000 });
      await reloading;
    }
    await stack.waitBalanced(web, young);
    await connector.waitSettled();
    for (const one of loads) expect(await one.stop()).to.deep.equal([]);
  });

  it('a deploy while the connector is down: it comes back in the middle, and again at the end', async () => {
    const { stack, apps, serve, load, reloads } = deploys();
    const old = await apps('a1', 'a2', 'a3');
    const young = await apps('b1', 'b2', 'b3');
    const service = serve('web', old);
    let connector = stack.connector({ settings: withoutGuard });
    await stack.waitBalanced(web, old);
    await connector.waitSettled();
    const before = await reloads();
    const loads = [load(web), load(web, { method: 'POST', keepAlive: true })];
    const replace = (number: number): void => {
      stack.nomad.stopAlloc(allocOf(stack.nomad, old[number]!), 'deregistered');
      service.addInstance(at(young[number]!));
    };
    await connector.stop();
    replace(0);
    connector = stack.connector({ settings: withoutGuard });
    replace(1);
    await stack.waitBalanced(web, [old[2]!, young[0]!, young[1]!]);
    await connector.stop();
    replace(2);
    connector = stack.connector({ settings: withoutGuard });
    await stack.waitBalanced(web, young);
    await connector.waitSettled();
    for (const one of loads) expect(await one.stop()).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
  });

  for (const others of [0, 1] as const) {
    it(`alloc restart on a static port, ${others === 0 ? 'alone' : 'beside another'}: it is served again`, async () => {
      const { stack, apps, serve, reloads } = deploys();
      const [restarted, other] = (await apps('restarted', 'other')) as [WatchedApp, WatchedApp];
      const all = others === 0 ? [restarted] : [restarted, other];
      serve('web', all);
      const connector = stack.connector({ settings: withoutTimer });
      await stack.waitBalanced(web, all);
      await connector.waitSettled();
      const before = await reloads();
      const id = allocOf(stack.nomad, restarted);
      for (let count = 0; count < 3; count++) {
        const closed = restarted.close();
        await stack.nomad.restartAlloc(id);
        await closed;
        if (others > 0) {
          for (let asked = 0; asked < 20; asked++) {
            expect(await stack.request(web)).to.deep.equal({ status: 200, body: 'other' });
          }
        }
        await restarted.open();
        await stack.waitBalanced(web, all);
        await connector.waitSettled();
        expect(await servingPorts(stack, 'nomad_web')).to.have.lengthOf(all.length);
      }
      expect(await reloads()).to.equal(before);
    });
  }
});

describe('an instance that vanishes', () => {
  const deploys = useDeploys();

  for (const keepAlive of [false, true]) {
    it(`costs no GET while another is well${keepAlive ? ', on kept-alive connections' : ''}`, async () => {
      const { stack, apps, serve, load } = deploys();
      const all = await apps('a', 'b', 'c');
      serve('web', all);
      const connector = stack.connector({ settings: withoutTimer });
      await stack.waitBalanced(web, all);
      await connector.waitSettled();
      const asked = load(web, { keepAlive });
      await asked.more(30);
      expect(await asked.stop()).to.deep.equal([]);
      // Nothing is in flight at this moment, and HAProxy still believes in all three.
      await all[0]!.close();
      const after = load(web, { keepAlive });
      await after.more(100);
      expect(after.answers).to.have.all.keys('b', 'c');
      expect(await after.stop()).to.deep.equal([]);
      await all[0]!.open();
      await stack.waitBalanced(web, all);
      // Nomad saw none of it.
      expect(
        connector.results.flatMap(({ steps }) => steps).filter(({ kind }) => kind === 'drain-slot'),
      ).to.deep.equal([]);
    });
  }

  it('is not asked again once its checks have failed, nor after Nomad restarts it in vain', async () => {
    const { stack, apps, serve, load } = deploys();
    const [crashed, other] = (await apps('crashed', 'other')) as [WatchedApp, WatchedApp];
    serve('web', [crashed, other]);
    const connector = stack.connector({ settings: withoutTimer });
    await stack.waitBalanced(web, [crashed, other]);
    await connector.waitSettled();
    const id = allocOf(stack.nomad, crashed);
    await crashed.close();
    stack.nomad.setClientStatus(id, 'pending');
    await connector.waitConverged();
    const asked = load(web);
    await asked.more(30);
    crashed.healthy = false;
    await crashed.open();
    stack.nomad.setClientStatus(id, 'running');
    const before = crashed.served;
    await connector.waitConverged();
    await asked.more(30);
    expect(crashed.served).to.equal(before);
    crashed.healthy = true;
    await stack.waitBalanced(web, [crashed, other]);
    expect(await asked.stop()).to.deep.equal([]);
  });
});

/** By a delayed reload of another writer's, or a `systemctl reload`: the version stays as it was. */
describe('HAProxy reloads in the middle of a pass', () => {
  const deploys = useDeploys();

  const moments = {
    'between two writes': ({ path }: SeenRequest) => path.endsWith('/configuration/raw'),
    'before the server state is saved': ({ path }: SeenRequest) => path.endsWith('/server-state'),
  };
  for (const [when, matches] of Object.entries(moments)) {
    it(`${when}: a new instance is gated all the same, and a leaving one gets nothing`, async () => {
      const { stack, app, apps, serve, load, reloads } = deploys();
      const [staying, leaving] = (await apps('staying', 'leaving')) as [WatchedApp, WatchedApp];
      const young = await app('young', { healthy: false });
      const service = serve('web', [staying, leaving]);
      const connector = stack.connector({ settings: withoutTimer });
      await stack.waitBalanced(web, [staying, leaving]);
      await connector.waitSettled();
      const before = await reloads();
      stack.proxy.onRequest(async (seen) => {
        if (seen.method === 'GET' || !matches(seen)) return undefined;
        stack.proxy.onRequest(undefined);
        await stack.dp.haproxy.masterCommand('reload');
        await waitFor('a reload', async () => (await reloads()) > before);
        return undefined;
      });
      const asked = load(web);
      stack.nomad.stopAlloc(allocOf(stack.nomad, leaving), 'deregistered');
      service.addInstance(at(young));
      await waitFor('refused checks', () => young.events.length > 3);
      await connector.waitConverged();
      const served = leaving.served;
      await asked.more(30);
      expect(young.served).to.equal(0);
      expect(leaving.served).to.equal(served);
      young.healthy = true;
      await stack.waitBalanced(web, [staying, young]);
      expect(await asked.stop()).to.deep.equal([]);
    });
  }

  it('another writer is faster: what it left is read at once, whatever the wait after a failure', async () => {
    const { stack, apps, serve, otherWriter } = deploys();
    const [first, second] = (await apps('first', 'second')) as [WatchedApp, WatchedApp];
    const service = serve('web', [first]);
    const connector = stack.connector({
      settings: (one) => ({
        ...withoutTimer(one),
        sync: { ...withoutTimer(one).sync, backoffMinMs: 600_000, backoffMaxMs: 600_000 },
      }),
    });
    await stack.waitServed(web);
    await connector.waitSettled();
    let conflicts = 0;
    stack.proxy.onRequest(async ({ method, path }) => {
      if (method === 'POST' && path.endsWith('/configuration/raw') && conflicts < 2) {
        await otherWriter(`theirs_${++conflicts}`);
      }
      return undefined;
    });
    service.addInstance(at(second));
    await stack.waitBalanced(web, [first, second]);
    expect(conflicts).to.equal(2);
    expect(connector.failures).to.deep.equal([]);
  });
});
