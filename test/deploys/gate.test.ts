import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import { domainOf } from '../../fixtures/stack.js';
import type { WatchedApp } from './app.js';
import { startLoad } from './load.js';
import {
  allocOf,
  at,
  checkedTags,
  countedReloads,
  shopTags,
  useDeploys,
  withShop,
} from './stack.js';

const web = domainOf('web');

/** R4.1. */
describe('a new instance gets no request before its check has passed', () => {
  const deploys = useDeploys();

  /** It is checked in vain, gets well, and only then is it asked. */
  async function expectGate(app: WatchedApp): Promise<void> {
    await waitFor('refused checks', () => refused(app) >= 3);
    expect(app.served).to.equal(0);
    app.healthy = true;
    await waitFor('a first request', () => app.served > 0);
    expect(app.events.slice(0, app.events.indexOf('request'))).to.include('passed');
  }

  it('in a slot, without a reload', async () => {
    const { stack, app, serve, load, reloads } = deploys();
    const [old, young] = [await app('old'), await app('young', { healthy: false })];
    const service = serve('web', [old]);
    const connector = stack.connector();
    await stack.waitServed(web);
    await connector.waitSettled();
    const before = await reloads();
    const asked = load(web);
    service.addInstance(at(young));
    await waitFor('a check', () => refused(young) > 0);
    await asked.more(30);
    await expectGate(young);
    await stack.waitBalanced(web, [old, young]);
    expect(await asked.stop()).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
  });

  it('in a new backend, whose reload it comes with', async () => {
    const { stack, app, serve } = deploys();
    const young = await app('young', { healthy: false });
    serve('web', [young]);
    const connector = stack.connector();
    await waitFor('the route', async () => (await stack.request(web)).status === 503);
    const asked = startLoad(stack, web);
    await asked.more(30);
    await expectGate(young);
    await asked.stop();
    await stack.waitServed(web, [young]);
    expect(countedReloads(connector)).to.deep.equal(['new-backend']);
  });

  it('in a backend that is written again, whose reload it comes with', async () => {
    const { stack, app, serve, load } = deploys();
    const [old, young] = [await app('old'), await app('young', { healthy: false })];
    const service = serve('web', [old]);
    const connector = stack.connector();
    await stack.waitServed(web);
    await connector.waitSettled();
    const asked = load(web);
    await connector.stop();
    service.update((group) => ({
      ...group,
      Services: [{ ...group.Services![0]!, Tags: checkedTags('web', ['timeout.server=20s']) }],
    }));
    service.addInstance(at(young));
    const next = stack.connector();
    await waitFor('a check', () => refused(young) > 0);
    await asked.more(30);
    await expectGate(young);
    await stack.waitBalanced(web, [old, young]);
    expect(await asked.stop()).to.deep.equal([]);
    expect(countedReloads(next)).to.deep.equal(['changed-backend']);
  });

  it('after a reload by somebody else, the old and the new ones', async () => {
    const { stack, app, serve, load, otherWriter } = deploys();
    const [old, young] = [await app('old'), await app('young', { healthy: false })];
    const service = serve('web', [old]);
    const connector = stack.connector();
    await stack.waitServed(web);
    service.addInstance(at(young));
    await waitFor('a check', () => refused(young) > 0);
    await connector.waitConverged();
    const asked = load(web);
    for (const name of ['one', 'two']) {
      await otherWriter(name);
      await asked.more(30);
      expect(young.served).to.equal(0);
    }
    await expectGate(young);
    await stack.waitBalanced(web, [old, young]);
    expect(await asked.stop()).to.deep.equal([]);
  });

  it('while its allocation is pending, and when it runs', async () => {
    const { stack, app, serve, load } = deploys();
    const [old, young] = [await app('old'), await app('young')];
    const service = serve('web', [old]);
    const connector = stack.connector();
    await stack.waitServed(web);
    const asked = load(web);
    const { ID } = service.addInstance({ ...at(young), clientStatus: 'pending' });
    await connector.waitConverged();
    await asked.more(30);
    expect(young.served).to.equal(0);
    young.healthy = false;
    stack.nomad.setClientStatus(ID, 'running');
    await connector.waitConverged();
    await expectGate(young);
    expect(await asked.stop()).to.deep.equal([]);
  });

  it('and no check of it goes where the slot’s last instance was', async () => {
    const { stack, apps, app, serve } = deploys();
    const [old, left] = (await apps('old', 'left')) as [WatchedApp, WatchedApp];
    const service = serve('web', [old, left]);
    const connector = stack.connector();
    await stack.waitBalanced(web, [old, left]);
    stack.nomad.stopAlloc(allocOf(stack.nomad, left));
    await connector.waitSettled();
    const checks = left.checks.length;
    service.addInstance({ ...at(await app('young')), clientStatus: 'pending' });
    await waitFor('failed checks of the slot', async () => {
      const servers = await stack.loadedServers('nomad_web');
      return servers.some(({ admin, up }) => admin === 'drain' && !up);
    });
    expect(left.checks.length).to.equal(checks);
  });

  it('when its registration moves to where another instance is not yet well', async () => {
    const { stack, app, apps, serve, load } = deploys();
    const [old, moving] = (await apps('old', 'moving')) as [WatchedApp, WatchedApp];
    const moved = await app('moved', { healthy: false });
    const service = serve('web', [old, moving]);
    stack.connector();
    await stack.waitBalanced(web, [old, moving]);
    const asked = load(web);
    stack.nomad.registerInstance(service.allocs[1]!.ID, { web: at(moved) });
    await waitFor('a check', () => refused(moved) > 0);
    await asked.more(30);
    await expectGate(moved);
    await stack.waitBalanced(web, [old, moved]);
    expect(await asked.stop()).to.deep.equal([]);
  });

  it('but without a check it gets them at once', async () => {
    const { stack, app, serve, reloads } = deploys();
    const [old, young] = [await app('old'), await app('young', { healthy: false })];
    const service = serve('web', [old], {}, ['check.disabled=true']);
    const connector = stack.connector();
    await stack.waitServed(web);
    await connector.waitSettled();
    const before = await reloads();
    service.addInstance(at(young));
    await stack.waitBalanced(web, [old, young]);
    expect(young.checks).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
  });
});

describe('the same in a backend of the operator’s', () => {
  const deploys = useDeploys({ haproxyConfig: withShop });
  const shop = domainOf('shop');

  it('with the reload that brings its server, and over one by somebody else', async () => {
    const { stack, app, serve, load, otherWriter } = deploys();
    const young = await app('young', { healthy: false });
    serve('shop', [young], { tags: shopTags });
    const first = load(shop);
    await first.more(3);
    const connector = stack.connector();
    await waitFor('refused checks', () => refused(young) >= 3);
    await first.more(30);
    expect(young.served).to.equal(0);
    await connector.waitConverged();
    await otherWriter('theirs');
    await first.more(30);
    expect(young.served).to.equal(0);
    await first.stop();
    young.healthy = true;
    await stack.waitServed(shop, [young]);
  });

  it('in a slot, without a reload', async () => {
    const { stack, app, serve, load, reloads } = deploys();
    const [old, young] = [await app('old'), await app('young', { healthy: false })];
    const service = serve('shop', [old], { tags: shopTags });
    const connector = stack.connector();
    await stack.waitServed(shop);
    await connector.waitSettled();
    const before = await reloads();
    const asked = load(shop);
    service.addInstance(at(young));
    await waitFor('refused checks', () => refused(young) >= 3);
    await asked.more(30);
    expect(young.served).to.equal(0);
    young.healthy = true;
    await stack.waitBalanced(shop, [old, young]);
    expect(await asked.stop()).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
  });

  it('when its servers are written again', async () => {
    const { stack, app, serve, load } = deploys();
    const [old, young] = [await app('old'), await app('young', { healthy: false })];
    const service = serve('shop', [old], { tags: shopTags });
    const connector = stack.connector();
    await stack.waitServed(shop);
    await connector.waitSettled();
    await connector.stop();
    const asked = load(shop);
    const tags = [...shopTags, 'haproxy.check.rise=1'];
    service.update((group) => ({ ...group, Services: [{ ...group.Services![0]!, Tags: tags }] }));
    service.addInstance(at(young));
    const next = stack.connector();
    await waitFor('refused checks', () => refused(young) >= 3);
    await asked.more(30);
    expect(young.served).to.equal(0);
    young.healthy = true;
    await stack.waitBalanced(shop, [old, young]);
    expect(await asked.stop()).to.deep.equal([]);
    expect(countedReloads(next)).to.deep.equal(['custom-servers']);
  });
});

function refused({ events }: WatchedApp): number {
  return events.filter((event) => event === 'refused').length;
}
