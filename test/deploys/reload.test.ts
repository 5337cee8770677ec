import { expect } from 'chai';

import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import { waitFor } from '../../fixtures/process.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { domainOf } from '../../fixtures/stack.js';
import type { WatchedApp } from './app.js';
import { type Load, converse, send } from './load.js';
import { at, countedReloads, servingPorts, useDeploys } from './stack.js';

const web = domainOf('web');

/** R4.3: what HAProxy knew before a reload, it knows after it. */
describe('a reload forgets nothing', () => {
  const deploys = useDeploys();
  let well: WatchedApp;
  let ill: WatchedApp;
  let service: ServiceHandle;
  let connector: Connector;

  beforeEach(async () => {
    const { stack, app, serve } = deploys();
    [well, ill] = [await app('well'), await app('ill')];
    service = serve('web', [well, ill]);
    connector = stack.connector({
      settings: (one) => ({ ...one, sync: { ...one.sync, resyncIntervalMs: 300 } }),
    });
    await stack.waitBalanced(web, [well, ill]);
  });

  /** Its checks fail, HAProxy takes it down, and a pass has seen that. */
  async function takeDown(): Promise<void> {
    ill.healthy = false;
    await waitFor('a server that is DOWN', async () => {
      return (await servingPorts(deploys().stack, 'nomad_web')).length === 1;
    });
    await connector.waitConverged();
  }

  async function expectLeftAlone(load: Load): Promise<void> {
    const before = ill.served;
    await load.more(50);
    expect(ill.served).to.equal(before);
  }

  it('a server that is DOWN stays DOWN, over our reloads and over others’', async () => {
    const { stack, load, serve, otherWriter, reloads } = deploys();
    await takeDown();
    const asked = load(web);
    const before = await reloads();
    for (const name of ['one', 'two']) {
      serve(name, [well]);
      await stack.waitServed(domainOf(name), [well]);
      await expectLeftAlone(asked);
      await otherWriter(`theirs_${name}`);
      await expectLeftAlone(asked);
    }
    expect(await reloads()).to.equal(before + 4);
    expect(await asked.stop()).to.deep.equal([]);
    ill.healthy = true;
    await stack.waitBalanced(web, [well, ill]);
  });

  it('a server that is DOWN stays DOWN over a cold start, without the connector', async () => {
    const { stack } = deploys();
    await takeDown();
    await connector.stop();
    const before = ill.served;
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await stack.dp.stopHaproxy(signal);
      await stack.dp.startHaproxy();
      for (let count = 0; count < 20; count++) {
        expect(await stack.request(web)).to.deep.equal({ status: 200, body: 'well' });
      }
    }
    expect(ill.served).to.equal(before);
    ill.healthy = true;
    await stack.waitBalanced(web, [well, ill]);
  });

  it('a server that waits for its check goes on waiting, over both', async () => {
    const { stack, app, load, serve, otherWriter } = deploys();
    const young = await app('young', { healthy: false });
    service.addInstance(at(young));
    await waitFor('a check', () => young.events.length > 0);
    await connector.waitConverged();
    const asked = load(web);
    serve('other', [well]);
    await stack.waitServed(domainOf('other'), [well]);
    await asked.more(50);
    await otherWriter('theirs');
    await asked.more(50);
    expect(young.served).to.equal(0);
    expect(await asked.stop()).to.deep.equal([]);
    young.healthy = true;
    await stack.waitBalanced(web, [well, ill, young]);
  });

  it('kept-alive POSTs are not cut, however often it reloads', async () => {
    const { stack, load, serve, otherWriter, reloads } = deploys();
    const asked = load(web, { method: 'POST', keepAlive: true, clients: 6 });
    const before = await reloads();
    for (const name of ['one', 'two', 'three', 'four']) {
      await asked.more(50);
      serve(name, [well]);
      await stack.waitServed(domainOf(name), [well]);
      await asked.more(50);
      await otherWriter(`theirs_${name}`);
    }
    await asked.more(50);
    expect(await asked.stop()).to.deep.equal([]);
    expect(await reloads()).to.equal(before + 8);
  });

  it('a request in flight, and a connection that was upgraded, live on in the old process', async () => {
    const { stack, serve } = deploys();
    const slow = send(stack, { host: web, path: '/hold' });
    const talk = await converse(stack, web);
    await waitFor('both', () => well.held + ill.held === 2);
    serve('other', [well]);
    await stack.waitServed(domainOf('other'), [well]);
    await talk.echo('still there');
    well.release();
    ill.release();
    expect((await slow).status).to.equal(200);
    await talk.echo('and on');
    talk.end();
  });

  it('each is counted once, with its reason', async () => {
    const { stack, serve, reloads } = deploys();
    const before = (await reloads()) - countedReloads(connector).length;
    serve('other', [well]);
    await stack.waitServed(domainOf('other'), [well]);
    await connector.waitSettled();
    stack.nomad.stopJob('other', { purge: true });
    await waitFor('no route', async () => {
      return (await stack.request(domainOf('other'))).status === 404;
    });
    await connector.waitConverged();
    expect(countedReloads(connector)).to.deep.equal([
      'new-backend',
      'new-backend',
      'removed-backend',
    ]);
    expect(await reloads()).to.equal(before + 3);
  });
});
