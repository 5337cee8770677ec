import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import { domainOf } from '../../fixtures/stack.js';
import type { WatchedApp } from './app.js';
import {
  allocOf,
  at,
  checkedTags,
  countedReloads,
  servingPorts,
  shopTags,
  updateInPlace,
  useDeploys,
  withoutGuard,
  withShop,
} from './stack.js';

const web = domainOf('web');

/** R4.2. */
describe('no reload, as only instances change', () => {
  const deploys = useDeploys({ haproxyConfig: withShop });

  it('several services in one pass, one of them in a backend of the operator’s', async () => {
    const { stack, apps, serve, load, reloads } = deploys();
    const [a, b, c, d] = (await apps('a', 'b', 'c', 'd')) as [
      WatchedApp,
      WatchedApp,
      WatchedApp,
      WatchedApp,
    ];
    const services = {
      web: serve('web', [a, b]),
      api: serve('api', [b, c]),
      shop: serve('shop', [c, a], { tags: shopTags }),
    };
    const passes = stack.passes({ settings: withoutGuard });
    await passes.run();
    for (const [name, both] of Object.entries({ web: [a, b], api: [b, c], shop: [c, a] })) {
      await stack.waitBalanced(domainOf(name), both);
    }
    const worker = await stack.dp.haproxy.workerPid();
    const before = await reloads();
    const loads = Object.keys(services).map((name) => load(domainOf(name)));
    // One comes and one goes in each; all in one pass.
    for (const service of Object.values(services)) {
      const [first] = service.allocs;
      service.addInstance(at(d));
      stack.nomad.stopAlloc(first!.ID, 'deregistered');
    }
    const result = await passes.run();
    expect(result.reloads).to.deep.equal([]);
    for (const [name, both] of Object.entries({ web: [b, d], api: [c, d], shop: [a, d] })) {
      await stack.waitBalanced(domainOf(name), both);
    }
    await waitFor('the end of all drains', async () => !(await passes.run()).rest.inMotion);
    for (const one of loads) expect(await one.stop()).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
    expect(await stack.configuration()).to.match(/server theirs 127.0.0.1:9 disabled/);
  });

  it('scale 2 -> 40 -> 2: one reload to grow, and none to shrink', async () => {
    const { stack, app, serve, load, reloads } = deploys();
    // One app on many addresses.
    const many = await app('many', { host: '0.0.0.0' });
    const address = (number: number) => ({ address: `127.0.0.${number}`, port: many.port });
    const service = serve('web', [], { instances: [address(1), address(2)] });
    const connector = stack.connector({ settings: withoutGuard });
    await stack.waitServed(web);
    await connector.waitSettled();
    const asked = load(web);
    const before = await reloads();
    const known = countedReloads(connector).length;
    await connector.stop();
    for (let number = 3; number <= 40; number++) service.addInstance(address(number));
    const next = stack.connector({ settings: withoutGuard });
    const serving = (count: number): Promise<unknown> =>
      waitFor(`${count} servers`, async () => {
        return (await servingPorts(stack, 'nomad_web')).length === count;
      });
    await serving(40);
    expect(known).to.equal(1);
    expect(countedReloads(next)).to.deep.equal(['more-slots']);
    expect(await reloads()).to.equal(before + 1);
    for (const { ID } of service.allocs.slice(2)) stack.nomad.stopAlloc(ID, 'deregistered');
    await serving(2);
    await next.waitSettled();
    expect(countedReloads(next)).to.deep.equal(['more-slots']);
    expect(await reloads()).to.equal(before + 1);
    expect(await asked.stop()).to.deep.equal([]);
  });

  for (const how of ['one by one', 'all at once'] as const) {
    it(`a rolling update of the whole group, ${how}`, async () => {
      const { stack, apps, serve, load, reloads } = deploys();
      const old = await apps('a1', 'a2', 'a3', 'a4');
      const young = await apps('b1', 'b2', 'b3', 'b4');
      const service = serve('web', old);
      const connector = stack.connector({ settings: withoutGuard });
      await stack.waitBalanced(web, old);
      await connector.waitSettled();
      const before = await reloads();
      const loads = [load(web), load(web, { method: 'POST', keepAlive: true })];
      if (how === 'all at once') {
        for (const app of young) service.addInstance(at(app));
        await stack.waitBalanced(web, [...old, ...young]);
        for (const app of old) stack.nomad.stopAlloc(allocOf(stack.nomad, app), 'deregistered');
      } else {
        for (const [at_, app] of old.entries()) {
          const next = young[at_]!;
          const alloc = allocOf(stack.nomad, app);
          service.addInstance(at(next));
          stack.nomad.stopAlloc(alloc, 'deregistered');
          await waitFor('a request', () => next.served > 0);
        }
      }
      await stack.waitBalanced(web, young);
      await connector.waitSettled();
      for (const one of loads) expect(await one.stop()).to.deep.equal([]);
      expect(await reloads()).to.equal(before);
    });
  }

  it('a canary of the whole group, and its promotion', async () => {
    const { stack, apps, serve, load, reloads } = deploys();
    const old = await apps('a1', 'a2', 'a3');
    const canaries = await apps('b1', 'b2', 'b3');
    const service = serve('web', old);
    const connector = stack.connector({ settings: withoutGuard });
    await stack.waitBalanced(web, old);
    await connector.waitSettled();
    const before = await reloads();
    const loads = [load(web), load(web, { method: 'POST', keepAlive: true })];
    service.update((group) => ({ ...group, Meta: { version: '2' } }));
    for (const app of canaries) service.addInstance({ ...at(app), canary: true, healthy: true });
    await stack.waitBalanced(web, [...old, ...canaries]);
    stack.nomad.promote('web');
    for (const app of old) stack.nomad.stopAlloc(allocOf(stack.nomad, app), 'deregistered');
    await stack.waitBalanced(web, canaries);
    await connector.waitSettled();
    for (const one of loads) expect(await one.stop()).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
    expect(countedReloads(connector)).to.deep.equal(['new-backend']);
  });

  it('tags that change nothing of the backend, and weights', async () => {
    const { stack, apps, serve, reloads } = deploys();
    const both = await apps('a', 'b');
    const service = serve('web', both);
    const connector = stack.connector();
    await stack.waitBalanced(web, both);
    await connector.waitSettled();
    const before = await reloads();
    for (const weight of [10, 20]) {
      updateInPlace(stack, service, [...checkedTags('web', [`weight=${weight}`]), 'team=a']);
      await waitFor(`a weight of ${weight}`, async () => {
        const servers = await stack.loadedServers('nomad_web');
        return servers.filter((one) => one.weight === weight).length === 2;
      });
    }
    await connector.waitSettled();
    expect(await reloads()).to.equal(before);
  });
});
