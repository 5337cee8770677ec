import { expect } from 'chai';
import { after } from 'mocha';

import { waitFor } from '../../fixtures/process.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { domainOf, enabledTags } from '../../fixtures/stack.js';
import type { Settings } from '../../src/config/types.js';
import type { OpenedBy } from '../../src/loop/probes.js';
import { type HealthServer, startHealthServer } from '../desired/health-server.js';
import { type Echo, type EchoKind, startEcho } from '../tags/echo.js';
import type { WatchedApp } from './app.js';
import { allocOf, at, type Deploys, shopTags, useDeploys, withShop } from './stack.js';

const web = domainOf('web');
/**
 * HAProxy's own check comes too late: its first one up to an hour, and the next ones, which it needs as
 * well, a second apart.
 */
const slow = ['check.interval=1h', 'check.rise=10'];

interface Seen {
  readonly up: boolean;
  readonly ready: boolean;
}

async function serverAt({ stack }: Deploys, port: number): Promise<Seen | undefined> {
  const text = await stack.dp.haproxy.runtimeCommand('show servers state');
  const lines = text.split('\n').map((line) => line.split(' '));
  const found = lines.find((fields) => fields[18] === String(port));
  if (found === undefined) return undefined;
  const ready = (Number(found[6]) & 0x7b) === 0;
  return { up: found[5] === '2', ready };
}

async function waitBound(given: Deploys, port: number): Promise<void> {
  await waitFor('the instance to wait for its check', async () => {
    const server = await serverAt(given, port);
    return server?.ready === true && !server.up;
  });
}

async function waitUp(given: Deploys, port: number): Promise<void> {
  await waitFor('the instance to be UP', async () => {
    const server = await serverAt(given, port);
    return server?.up === true && server.ready;
  });
}

/** Whose check brought the last server UP. */
async function expectOpenedBy(connector: Connector, by: OpenedBy): Promise<void> {
  await connector.waitConverged();
  expect(connector.opened.at(-1)).to.equal(by);
}

/** A service with one instance that serves, whose connector is at rest. */
async function settled(
  given: Deploys,
  tags: readonly string[] = slow,
  change: (settings: Settings) => Settings = (same) => same,
) {
  const { stack, app, serve } = given;
  const old = await app('old');
  const service = serve('web', [old], {}, tags);
  const connector = stack.connector({ settings: change });
  await stack.waitServed(web);
  await connector.waitSettled();
  return { old, service, connector };
}

describe('an instance serves once its check passes, whatever its interval', () => {
  const deploys = useDeploys();

  it('when it listens after it has registered', async () => {
    const given = deploys();
    const { stack, app, load, reloads } = given;
    const { old, service, connector } = await settled(given);
    const [before, young] = [await reloads(), await app('young')];
    await young.close();
    const asked = load(web);
    service.addInstance(at(young));
    await waitBound(given, young.port);
    await young.open();
    await stack.waitBalanced(web, [old, young]);
    expect(young.events.indexOf('request')).to.be.at.least(10);
    await expectOpenedBy(connector, 'probe');
    expect(await asked.stop()).to.deep.equal([]);
    expect(await reloads()).to.equal(before);
  });

  it('when it listens before it registers', async () => {
    const given = deploys();
    const { stack, app } = given;
    const { old, service, connector } = await settled(given);
    const young = await app('young');
    service.addInstance(at(young));
    await stack.waitBalanced(web, [old, young]);
    expect(young.events.indexOf('request')).to.be.at.least(10);
    await expectOpenedBy(connector, 'probe');
  });

  it('but never before, nor while its allocation is pending', async () => {
    const given = deploys();
    const { stack, app, load } = given;
    const { old, service, connector } = await settled(given);
    const young = await app('young', { healthy: false });
    const asked = load(web);
    const { ID } = service.addInstance({ ...at(young), clientStatus: 'pending' });
    await connector.waitConverged();
    await asked.more(30);
    expect(young.events).to.deep.equal([]);
    stack.nomad.setClientStatus(ID, 'running');
    await waitFor('refused checks', () => young.events.length >= 5);
    await asked.more(30);
    expect(young.served).to.equal(0);
    young.healthy = true;
    await stack.waitBalanced(web, [old, young]);
    expect(young.events.indexOf('request')).to.be.greaterThan(young.events.indexOf('passed'));
    expect(await asked.stop()).to.deep.equal([]);
  });

  it('and is open for as long as HAProxy’s own check passes', async () => {
    const given = deploys();
    const { stack, app } = given;
    const { old, service, connector } = await settled(given, ['check.interval=700ms']);
    const young = await app('young');
    await young.close();
    service.addInstance(at(young));
    await waitBound(given, young.port);
    await young.open();
    await stack.waitBalanced(web, [old, young]);
    young.healthy = false;
    await waitFor('it to be DOWN', async () => (await serverAt(given, young.port))?.up === false);
    const { served } = young;
    await connector.waitConverged();
    for (let asked = 0; asked < 20; asked++) await stack.request(web);
    expect(young.served).to.equal(served);
    expect((await serverAt(given, young.port))?.up).to.equal(false);
  });

  it('and stays so over a reload by somebody else', async () => {
    const given = deploys();
    const { stack, app, otherWriter } = given;
    const { old, service, connector } = await settled(given);
    const young = await app('young');
    service.addInstance(at(young));
    await stack.waitBalanced(web, [old, young]);
    await connector.waitConverged();
    await otherWriter('theirs');
    expect((await serverAt(given, young.port))?.up).to.equal(true);
    await stack.waitBalanced(web, [old, young]);
  });

  it('and by HAProxy’s check alone with `checks.probe: false`', async () => {
    const given = deploys();
    const { stack, app } = given;
    const { old, service, connector } = await settled(given, [], (settings) => ({
      ...settings,
      checks: { ...settings.checks, probe: false },
    }));
    const young = await app('young');
    service.addInstance(at(young));
    await stack.waitBalanced(web, [old, young]);
    await connector.waitSettled();
    expect(connector.opened).to.deep.equal(['haproxy', 'haproxy']);
    expect(connector.wakes).not.to.include('probe');
  });
});

describe('each kind of check that the connector runs', () => {
  const deploys = useDeploys();
  const started: (Echo | HealthServer)[] = [];
  after(() => started.forEach((one) => void one.close()));

  async function echo(kind: EchoKind, healthy: Echo['healthy']): Promise<Echo> {
    const app = await startEcho('young', kind);
    app.healthy = healthy;
    started.push(app);
    return app;
  }

  /** Both are checked: the first in a new backend, the second in a slot of it. */
  async function expectOpened(
    tags: readonly string[],
    apps: readonly { readonly port: number }[],
  ): Promise<void> {
    const given = deploys();
    const { stack } = given;
    const [first, second] = apps.map(({ port }) => ({ address: '127.0.0.1', port }));
    const service = stack.nomad.addService({
      name: 'web',
      tags: [...enabledTags('web'), ...[...slow, ...tags].map((tag) => `haproxy.${tag}`)],
      instances: [first!],
    });
    const connector = stack.connector();
    await waitUp(given, first!.port);
    await connector.waitSettled();
    service.addInstance(second!);
    await waitUp(given, second!.port);
    await expectOpenedBy(connector, 'probe');
  }

  it('http, with path, Host, method and expected text', async () => {
    const healthy: Echo['healthy'] = ({ method, url, headers }) =>
      method === 'OPTIONS' && url === '/up?deep=1' && headers.host === 'api.example.com';
    const apps = [await echo('http', healthy), await echo('http', healthy)];
    const tags = ['path=/up?deep=1', 'host=api.example.com', 'method=OPTIONS', 'expect=200'];
    await expectOpened(
      tags.map((tag) => `check.${tag}`),
      apps,
    );
    for (const { checks } of apps) expect(new Set(checks.map(({ url }) => url)).size).to.equal(1);
  });

  it('https, with its server name', async () => {
    const healthy: Echo['healthy'] = ({ url, serverName }) =>
      url === '/tls' && serverName === 'tls.example.com';
    const apps = [await echo('https', healthy), await echo('https', healthy)];
    const tags = ['check.type=https', 'check.path=/tls', 'check.host=tls.example.com'];
    await expectOpened([...tags, 'server.ssl=true'], apps);
  });

  it('tcp', async () => {
    const refuses = () => false;
    const apps = [await echo('http', refuses), await echo('http', refuses)];
    await expectOpened(['check.type=tcp'], apps);
    expect(apps.flatMap(({ checks }) => checks)).to.deep.equal([]);
  });

  it('grpc', async () => {
    const servers = [await startHealthServer(), await startHealthServer()];
    started.push(...servers);
    await expectOpened(['check.type=grpc'], servers);
    for (const { asked } of servers) expect(asked).to.include('');
  });

  it('http on another path for another version, while the old one serves', async () => {
    const given = deploys();
    const { stack, app } = given;
    const old = await app('old', { healthPath: '/old/health' });
    const young = await app('young', { healthPath: '/new/health' });
    const tagsOf = (path: string) => [
      ...enabledTags('web'),
      ...[...slow, `check.path=${path}`].map((tag) => `haproxy.${tag}`),
    ];
    const service = stack.serve('web', [old], { tags: tagsOf('/old/health') });
    const connector = stack.connector();
    await stack.waitServed(web);
    await connector.waitSettled();
    service.update((group) => ({
      ...group,
      Services: [{ ...group.Services![0]!, Tags: tagsOf('/new/health') }],
    }));
    service.addInstance(at(young));
    await stack.waitBalanced(web, [old, young]);
    expect(young.checks.map(({ path }) => path)).to.include('/new/health');
  });
});

describe('one instance alone', () => {
  const deploys = useDeploys();

  it('serves again once its check passes after a restart', async () => {
    const given = deploys();
    const { stack } = given;
    const { old, connector } = await settled(given);
    const id = allocOf(stack.nomad, old);
    await old.close();
    await stack.nomad.restartAlloc(id);
    stack.nomad.setClientStatus(id, 'pending');
    await connector.waitConverged();
    stack.nomad.setClientStatus(id, 'running');
    await waitBound(given, old.port);
    await old.open();
    await stack.waitServed(web, [old]);
    await connector.waitSettled();
    expect(connector.opened.at(-1)).to.equal('probe');
  });

  it('serves again after a restart in which HAProxy took it DOWN', async () => {
    const given = deploys();
    const { stack } = given;
    const { old, connector } = await settled(given, ['check.interval=200ms', 'check.rise=20']);
    const id = allocOf(stack.nomad, old);
    await old.close();
    await stack.nomad.restartAlloc(id);
    await waitFor('it to be DOWN', async () => (await serverAt(given, old.port))?.up === false);
    await connector.waitConverged();
    await old.open();
    await stack.waitServed(web, [old]);
  });
});

describe('in a backend of the operator’s', () => {
  const shop = domainOf('shop');
  const tags = [...shopTags, ...slow.map((tag) => `haproxy.${tag}`)];

  async function withTwo(given: Deploys): Promise<{ young: WatchedApp; connector: Connector }> {
    const { stack, app, serve } = given;
    const [old, young] = [await app('old'), await app('young')];
    const service = serve('shop', [old], { tags });
    const connector = stack.connector();
    await stack.waitServed(shop);
    await connector.waitSettled();
    service.addInstance(at(young));
    await waitBound(given, young.port);
    await connector.waitConverged();
    return { young, connector };
  }

  describe('whose check is a connection', () => {
    const deploys = useDeploys({
      haproxyConfig: (dirs, port) => withShop(dirs, port).replace(/ *option httpchk.*\n/, ''),
    });

    it('an instance is opened', async () => {
      const given = deploys();
      const { young, connector } = await withTwo(given);
      await waitUp(given, young.port);
      await expectOpenedBy(connector, 'probe');
      expect(young.checks).to.deep.equal([]);
    });
  });

  describe('whose check is the operator’s own', () => {
    const deploys = useDeploys({ haproxyConfig: withShop });

    it('it waits for HAProxy’s', async () => {
      const given = deploys();
      const { young } = await withTwo(given);
      expect(young.events).to.deep.equal([]);
      expect(await serverAt(given, young.port)).to.include({ up: false });
    });
  });
});
