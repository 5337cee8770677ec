/** A check that asks HAProxy whether it has been filled (docs/fleet-job.md). */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from 'chai';

import { baseHaproxyConfig, type Dirs } from '../../fixtures/dataplane/config.js';
import { freePort } from '../../fixtures/ports.js';
import { domainOf, enabledTags } from '../../fixtures/stack.js';
import { until } from './helpers.js';
import { useStack } from './stack.js';

const fileIn = ({ maps }: Dirs): string => join(maps, 'nomad_ready.map');

describe('R8: the ready entry', () => {
  let healthPort = 0;
  before(async () => {
    healthPort = await freePort();
  });
  const stack = useStack({
    haproxyConfig: (dirs, port) => {
      writeFileSync(fileIn(dirs), '');
      return `${baseHaproxyConfig(dirs, port)}
frontend health
  bind 127.0.0.1:${healthPort}
  http-request return status 200 if { str(ready),map(${fileIn(dirs)}) -m found }
  http-request return status 503
`;
    },
  });

  const isReady = async (): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${healthPort}/`, { headers: { connection: 'close' } }))
      .status === 200;
  const entriesOnDisk = (): string => readFileSync(fileIn(stack().dp.dirs), 'utf8');

  it('comes once all is routed and every server is UP, and survives a reload and a restart', async () => {
    const app = await stack().app('web');
    stack().serve('web', [app]);
    expect(await isReady()).to.equal(false);
    const connector = stack().connector();
    await until(isReady);
    expect((await stack().request(domainOf('web'))).status).to.equal(200);
    expect(entriesOnDisk()).to.match(/^ready yes$/m);
    stack().serve('more', [app]);
    connector.wake();
    await stack().waitServed(domainOf('more'), [app]);
    expect(await isReady()).to.equal(true);
    await stack().dp.stopHaproxy();
    await stack().dp.startHaproxy();
    expect(await isReady()).to.equal(true);
  });

  it('is written once', async () => {
    stack().serve('web', [await stack().app('web')]);
    const connector = stack().connector();
    await until(isReady);
    await connector.waitSettled();
    stack().proxy.clear();
    connector.wake();
    await connector.waitSettled();
    const writes = stack()
      .proxy.seen()
      .filter(({ method }) => method !== 'GET');
    expect(writes).to.deep.equal([]);
  });

  it('waits for the check of a server', async () => {
    const app = await stack().app('web');
    app.healthy = false;
    const tags = [...enabledTags('web'), 'haproxy.check.path=/health'];
    stack().serve('web', [app], { tags });
    const connector = stack().connector();
    await until(() => connector.results.some(({ rest }) => rest.waiting.length === 1));
    expect(await isReady()).to.equal(false);
    app.healthy = true;
    await until(isReady);
  });

  it('comes back on disk where only that was lost', async () => {
    stack().serve('web', [await stack().app('web')]);
    const connector = stack().connector();
    await until(isReady);
    await connector.stop();
    writeFileSync(fileIn(stack().dp.dirs), '');
    await stack().passes().run();
    expect(entriesOnDisk()).to.match(/^ready yes$/m);
  });
});
