import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { domainOf } from '../../fixtures/stack.js';
import type { WatchedApp } from './app.js';
import { type Load, send } from './load.js';
import { allocOf, drainingFor, drains, useDeploys } from './stack.js';

const web = domainOf('web');

describe('sticky sessions, when their instance leaves', () => {
  const deploys = useDeploys();
  let leaving: WatchedApp;
  let staying: WatchedApp;
  let connector: Connector;

  beforeEach(async () => {
    const { stack, apps, serve } = deploys();
    [leaving, staying] = (await apps('leaving', 'staying')) as [WatchedApp, WatchedApp];
    serve('web', [leaving, staying], {}, ['cookie=SRV']);
    connector = stack.connector({ settings: drainingFor(600) });
    await stack.waitBalanced(web, [leaving, staying]);
    await connector.waitSettled();
  });

  /** GET and POST, on new connections and on kept ones, by clients of both instances. */
  function stickyLoads(): Load[] {
    const { load } = deploys();
    return (['GET', 'POST'] as const).flatMap((method) =>
      [true, false].map((keepAlive) => load(web, { method, keepAlive, sticky: true, clients: 4 })),
    );
  }

  const failuresOf = async (loads: readonly Load[]): Promise<string[]> =>
    (await Promise.all(loads.map((load) => load.stop()))).flat();

  const draining = (): Promise<boolean> =>
    waitFor('a drain', async () => {
      return Object.keys(await drains(deploys().stack, 'nomad_web')).length === 1;
    });

  it('stay where they are until then', async () => {
    const { stack } = deploys();
    const { body, cookie = '' } = await send(stack, { host: web });
    for (let n = 0; n < 4; n++) {
      expect((await send(stack, { host: web, headers: { cookie } })).body).to.equal(body);
    }
  });

  it('move on at once, lose no request, and what was begun is finished', async () => {
    const { stack, reloads } = deploys();
    const before = await reloads();
    const loads = stickyLoads();
    await loads[0]!.more(100);
    const held = Promise.all([1, 2, 3, 4].map(() => send(stack, { host: web, path: '/hold' })));
    await waitFor('requests in flight', () => leaving.held > 0 && staying.held > 0);
    stack.nomad.stopAlloc(allocOf(stack.nomad, leaving), 'deregistered');
    await draining();
    await connector.waitConverged();
    const { served } = leaving;
    for (const load of loads) await load.more(50);
    expect(leaving.served, 'of the one that leaves').to.equal(served);
    expect(leaving.held).to.be.greaterThan(0);
    leaving.release();
    staying.release();
    expect((await held).map(({ status }) => status)).to.deep.equal([200, 200, 200, 200]);
    await leaving.close();
    await connector.waitSettled();
    expect(await failuresOf(loads)).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
  });

  it('move on when it vanishes without a word', async () => {
    const { stack, load } = deploys();
    const loads = [true, false].map((keepAlive) => load(web, { keepAlive, sticky: true }));
    await loads[0]!.more(50);
    await leaving.close();
    for (const one of loads) await one.more(50);
    stack.nomad.stopAlloc(allocOf(stack.nomad, leaving));
    await connector.waitSettled();
    expect(await failuresOf(loads)).to.deep.equal([]);
  });

  it('begin on it again when it comes back within the drain', async () => {
    const { stack, load } = deploys();
    const loads = stickyLoads();
    await loads[0]!.more(50);
    const alloc = allocOf(stack.nomad, leaving);
    const held = Promise.all([1, 2].map(() => send(stack, { host: web, path: '/hold' })));
    await waitFor('requests in flight', () => leaving.held === 1);
    const endpoints = { web: { address: leaving.address, port: leaving.port } };
    stack.nomad.deregisterInstance(alloc);
    await draining();
    stack.nomad.registerInstance(alloc, endpoints);
    const fresh = load(web);
    await waitFor('new requests', () => (fresh.answers['leaving'] ?? 0) > 5);
    leaving.release();
    staying.release();
    await held;
    await connector.waitSettled();
    expect(await failuresOf([...loads, fresh])).to.deep.equal([]);
  });
});
