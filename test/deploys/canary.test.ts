import { expect } from 'chai';

import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import { waitFor } from '../../fixtures/process.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { domainOf } from '../../fixtures/stack.js';
import type { WatchedApp } from './app.js';
import { allocOf, at, checkedTags, useDeploys } from './stack.js';

const web = domainOf('web');

describe('a canary', () => {
  const deploys = useDeploys();
  let old: WatchedApp[];
  let canary: WatchedApp;
  let service: ServiceHandle;
  let connector: Connector;

  beforeEach(async () => {
    const { stack, apps, app, serve } = deploys();
    old = await apps('a1', 'a2');
    canary = await app('canary');
    service = serve('web', old);
    connector = stack.connector();
    await stack.waitBalanced(web, old);
    await connector.waitSettled();
  });

  async function start(weight: number): Promise<void> {
    const { stack } = deploys();
    const tags = checkedTags('web', [`canary.weight=${weight}`]);
    service.update((group) => ({
      ...group,
      Services: [{ ...group.Services![0]!, Tags: tags }],
    }));
    service.addInstance({ ...at(canary), canary: true, healthy: true });
    await waitFor('the canary', async () => {
      const servers = await stack.loadedServers('nomad_web');
      return servers.some((one) => one.port === canary.port && one.up && one.weight === weight);
    });
  }

  it('of weight 0 gets nothing until it is promoted; then it takes over without loss or reload', async () => {
    const { stack, load, reloads } = deploys();
    const before = await reloads();
    const loads = [load(web), load(web, { method: 'POST', keepAlive: true })];
    await start(0);
    await loads[0]!.more(60);
    expect(canary.served).to.equal(0);
    stack.nomad.promote('web');
    await waitFor('requests', () => canary.served > 10);
    for (const app of old) stack.nomad.stopAlloc(allocOf(stack.nomad, app), 'deregistered');
    await stack.waitBalanced(web, [canary]);
    await connector.waitSettled();
    for (const one of loads) expect(await one.stop()).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
  });

  it('of weight 0 that is given up leaves as it came', async () => {
    const { stack, load, reloads } = deploys();
    const before = await reloads();
    const asked = load(web);
    await start(0);
    stack.nomad.setDeploymentStatus('web', 'failed');
    stack.nomad.stopAlloc(allocOf(stack.nomad, canary), 'deregistered');
    await connector.waitSettled();
    await asked.more(30);
    expect(canary.served).to.equal(0);
    expect(await asked.stop()).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
  });

  it('of weight 0 stays out over reloads and restarts', async () => {
    const { stack, load, otherWriter } = deploys();
    await start(0);
    await connector.waitConverged();
    const asked = load(web);
    await otherWriter('theirs');
    await asked.more(30);
    await connector.stop();
    connector = stack.connector();
    await connector.waitConverged();
    await asked.more(30);
    expect(canary.served).to.equal(0);
    expect(await asked.stop()).to.deep.equal([]);
  });

  it('gets the share that its weight says', async () => {
    const { load } = deploys();
    await start(50);
    const asked = load(web, { clients: 1 });
    await asked.more(250);
    expect(await asked.stop()).to.deep.equal([]);
    // 50 of 250, and round robin is exact in the long run.
    const share = (asked.answers['canary'] ?? 0) / asked.sent;
    expect(share).to.be.within(0.15, 0.25);
  });
});
