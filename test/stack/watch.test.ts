import { readFile, rename, writeFile } from 'node:fs/promises';

import { expect } from 'chai';

import { domainOf, type Stack } from '../../fixtures/stack.js';
import type { Connector, ConnectorOptions } from '../../fixtures/stack/connector.js';
import type { WakeSource } from '../../src/loop/wake-sources.js';
import { at, until } from './helpers.js';
import { useStack } from './stack.js';

const watchPath = '/v3/services/haproxy/runtime/info';

/** No timer comes to its help. */
function watching(stack: Stack, watchIntervalMs = 250, more: ConnectorOptions = {}): Connector {
  return stack.connector({
    ...more,
    settings: (one) => ({
      ...one,
      haproxy: { ...one.haproxy, watchIntervalMs },
      sync: { ...one.sync, resyncIntervalMs: 600_000 },
    }),
  });
}

function countOf(wakes: readonly WakeSource[], source: WakeSource): number {
  return wakes.filter((one) => one === source).length;
}

/** R6.3, S7: what happens to HAProxy is seen by the watch, not by the next timer. */
describe('the watch of HAProxy', () => {
  const stack = useStack();
  let base: string;

  beforeEach(async () => {
    base = await stack().configuration();
  });

  async function settled(names: readonly string[] = ['web']): Promise<Connector> {
    const app = await stack().app('app');
    for (const name of names) stack().serve(name, [app]);
    const connector = watching(stack());
    for (const name of names) await stack().waitServed(domainOf(name), [app]);
    await connector.waitSettled();
    return connector;
  }

  async function restartOnBase(): Promise<void> {
    await stack().dp.stopHaproxy();
    const { config } = stack().dp.dirs;
    // In one piece: the Data Plane API takes over a file that is half written.
    await writeFile(`${config}.base`, base);
    await rename(`${config}.base`, config);
    await stack().dp.startHaproxy();
  }

  function expectWokenByWatch(connector: Connector): void {
    expect(connector.wakes).to.include('haproxy').and.not.include('timer');
  }

  it('HAProxy restarted on its base configuration: everything is routed again', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `svc${index}`);
    const connector = await settled(names);
    expect(countOf(connector.wakes, 'haproxy')).to.equal(0);
    // A pass that was asked for before may come first, and leave the watch no news.
    for (let restarts = 0; restarts < 3 && !connector.wakes.includes('haproxy'); restarts++) {
      await restartOnBase();
      for (const name of names) await stack().waitServed(domainOf(name));
    }
    expectWokenByWatch(connector);
  });

  it('HAProxy and the Data Plane API both began anew', async () => {
    const connector = await settled();
    await stack().dp.killDataPlane();
    await restartOnBase();
    await stack().dp.startDataPlane();
    await stack().waitServed(domainOf('web'));
    expectWokenByWatch(connector);
    await until(() => connector.results.at(-1)?.rest.steps.length === 0);
  });

  it('another writer removes a backend of ours', async () => {
    const connector = await settled();
    const { dp } = stack();
    const path = '/v3/services/haproxy/configuration';
    const { body: version } = await dp.send('GET', `${path}/version`);
    const section = /^backend nomad_web\b.*\n(?:[ \t].*\n|\n)*/m;
    const raw = await dp.send('GET', `${path}/raw`);
    const without = String(raw.body).replace(section, '');
    expect(without).not.to.match(section);
    const query = `version=${String(version)}&force_reload=true`;
    const posted = await dp.send('POST', `${path}/raw?${query}`, without);
    expect(posted.status).to.be.below(300);
    await until(async () => section.test(await stack().configuration()));
    await stack().waitServed(domainOf('web'));
    expectWokenByWatch(connector);
  });

  it('another writer removes a server of ours, without a reload as yet', async () => {
    const connector = await settled();
    const { dp } = stack();
    const path = '/v3/services/haproxy/configuration';
    const { body: version } = await dp.send('GET', `${path}/version`);
    const server = `${path}/backends/nomad_web/servers/nomad_web_1`;
    const deleted = await dp.send('DELETE', `${server}?version=${String(version)}`);
    expect(deleted.status).to.be.below(300);
    await until(async () => /server nomad_web_1 /.test(await stack().configuration()));
    await stack().waitServed(domainOf('web'));
    expectWokenByWatch(connector);
  });

  it('an edit by hand', async () => {
    const connector = await settled();
    await stack().editConfiguration((text) => text.replace(/^ {2}use_backend .*map.*\n/m, ''));
    await until(async () => /use_backend .*map/.test(await stack().configuration()));
    await stack().waitServed(domainOf('web'));
    expectWokenByWatch(connector);
  });

  it('the master starts a killed worker, or is started by its manager', async () => {
    const connector = await settled();
    const { haproxy } = stack().dp;
    process.kill(await haproxy.workerPid(), 'SIGKILL');
    await until(() =>
      haproxy.workerPid().then(
        () => false,
        () => true,
      ),
    );
    await stack().dp.stopHaproxy('SIGKILL');
    await stack().dp.startHaproxy();
    await until(() => countOf(connector.wakes, 'haproxy') > 0);
    await stack().waitServed(domainOf('web'));
    expectWokenByWatch(connector);
  });

  it("somebody else's reload is looked at, once", async () => {
    const connector = await settled();
    const passes = connector.results.length;
    await stack().dp.haproxy.masterCommand('reload');
    await until(() => connector.results.length > passes);
    const wakes = countOf(connector.wakes, 'haproxy');
    stack().proxy.clear();
    await until(
      () =>
        stack()
          .proxy.seen()
          .filter(({ path }) => path === watchPath).length > 8,
    );
    expect(countOf(connector.wakes, 'haproxy')).to.equal(wakes);
  });

  it('the Data Plane API was killed: one warning, and a pass when it is back', async () => {
    const connector = await settled();
    await stack().dp.killDataPlane();
    await until(() => connector.warnings.length > 0);
    const asked = stack().proxy.seen().length;
    await until(() => stack().proxy.seen().length > asked + 1);
    expect(countOf(connector.wakes, 'haproxy')).to.equal(0);
    const passes = connector.results.length;
    await stack().dp.startDataPlane();
    await until(() => connector.results.length > passes);
    expectWokenByWatch(connector);
    expect(connector.warnings).to.have.lengthOf(1);
    expect(connector.failures).to.deep.equal([]);
  });

  it('HAProxy that comes late hurries the retry', async () => {
    const app = await stack().app('app');
    stack().serve('web', [app]);
    await stack().dp.stopHaproxy();
    const connector = stack().connector({
      settings: (one) => ({
        ...one,
        haproxy: { ...one.haproxy, watchIntervalMs: 250 },
        sync: { ...one.sync, resyncIntervalMs: 600_000, backoffMinMs: 500, backoffMaxMs: 600_000 },
      }),
    });
    // The next retry is 2 to 4 s away.
    await until(() => connector.failures.length >= 4);
    await stack().dp.startHaproxy();
    await stack().waitServed(domainOf('web'), [app]);
    expectWokenByWatch(connector);
  });

  it("the loop's own passes are no news", async function () {
    this.timeout(120_000);
    const apps = [await stack().app('a'), await stack().app('b')];
    const service = stack().serve('web', [apps[0]!]);
    const connector = watching(stack(), 20);
    await stack().waitServed(domainOf('web'), [apps[0]!]);
    let first = service.allocs[0]!.ID;
    for (let round = 0; round < 6; round++) {
      const next = apps[(round + 1) % 2]!;
      const { ID } = service.addInstance(at(next));
      await stack().waitBalanced(domainOf('web'), apps);
      stack().nomad.stopAlloc(first);
      first = ID;
      stack().serve(`more${round}`, [next]);
      await stack().waitServed(domainOf(`more${round}`), [next]);
      await stack().waitServed(domainOf('web'), [next]);
      await connector.waitConverged();
    }
    await connector.waitSettled();
    stack().proxy.clear();
    await until(
      () =>
        stack()
          .proxy.seen()
          .filter(({ path }) => path === watchPath).length > 5,
    );
    expect(countOf(connector.wakes, 'haproxy')).to.equal(0);
    expect(connector.failures).to.deep.equal([]);
  });

  it('asks one GET, and none after the end', async () => {
    const connector = await settled();
    await connector.waitSettled();
    stack().proxy.clear();
    await until(() => stack().proxy.seen().length >= 4);
    const asked = new Set(
      stack()
        .proxy.seen()
        .map(({ method, path }) => `${method} ${path}`),
    );
    expect([...asked]).to.deep.equal([`GET ${watchPath}`]);
    await connector.stop();
    stack().proxy.clear();
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(stack().proxy.seen()).to.deep.equal([]);
  });

  it('asks nothing while a pass runs', async () => {
    const connector = await settled();
    const { proxy } = stack();
    let release = (): void => undefined;
    const held = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
    proxy.onRequest(({ path }) => (path.endsWith('/configuration/raw') ? held : undefined));
    const passes = connector.results.length;
    proxy.clear();
    connector.wake();
    await until(() => proxy.seen().some(({ path }) => path.endsWith('/configuration/raw')));
    await new Promise((resolve) => setTimeout(resolve, 300));
    proxy.clear();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(proxy.seen()).to.deep.equal([]);
    release();
    proxy.onRequest(undefined);
    await until(() => connector.results.length > passes);
    await until(() => proxy.seen().some(({ path }) => path === watchPath));
    expect(countOf(connector.wakes, 'haproxy')).to.equal(0);
  });

  it('off: nothing is asked', async () => {
    stack().serve('web', [await stack().app('app')]);
    const connector = stack().connector();
    await connector.waitSettled();
    stack().proxy.clear();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(stack().proxy.seen()).to.deep.equal([]);
  });

  it('the program ends on SIGTERM with it', async () => {
    stack().serve('web', [await stack().app('app')]);
    const file = `${stack().dp.dirs.root}/connector.json`;
    const config = JSON.parse(await readFile(file, 'utf8')) as { haproxy: object };
    const haproxy = { ...config.haproxy, watch_interval: '200ms' };
    const sync = { resync_interval: '600s', debounce: '10ms' };
    await writeFile(file, JSON.stringify({ ...config, haproxy, sync, http: { listen: 'off' } }));
    const program = await stack().spawnConnector();
    await stack().waitServed(domainOf('web'));
    await restartOnBase();
    await stack().waitServed(domainOf('web'));
    await program.stop('SIGTERM');
    expect((await program.exited).code).to.equal(0);
  });
});
