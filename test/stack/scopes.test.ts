import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { type Stack, domainOf } from '../../fixtures/stack.js';
import type { Settings } from '../../src/config/types.js';
import { checkedTags, updateInPlace, useDeploys, withoutGuard } from '../deploys/stack.js';

type Change = (settings: Settings) => Settings;

const inNamespace =
  (namespace: string): Change =>
  (settings) => ({ ...settings, nomad: { ...settings.nomad, namespace } });
const withTags =
  (prefix: string): Change =>
  (settings) => ({ ...settings, tags: { prefix } });
const inCluster =
  (scope: string): Change =>
  (settings) => ({ ...settings, ownership: { ...settings.ownership, scope } });
const named =
  (prefix: string, mapName: string): Change =>
  (settings) => ({
    ...settings,
    ownership: { ...settings.ownership, prefix },
    routing: { ...settings.routing, mapName },
  });
const inMode =
  (mode: 'map' | 'rules'): Change =>
  (settings) => ({ ...settings, routing: { ...settings.routing, mode } });
const placed =
  (position: 'before' | 'after'): Change =>
  (settings) => ({ ...settings, routing: { ...settings.routing, position } });
const all =
  (...changes: readonly Change[]): Change =>
  (settings) =>
    changes.reduce((before, change) => change(before), settings);

function refusal({ failures }: Connector): Promise<{ readonly code: string; message: string }> {
  return waitFor('a refusal', () => failures.find(({ code }) => code === 'other-connector'));
}

/** The configuration and all map files. */
async function written({ dp }: Stack, maps = ['nomad_exact']): Promise<readonly string[]> {
  const files = [dp.dirs.config, ...maps.map((name) => join(dp.dirs.maps, `${name}.map`))];
  return Promise.all(files.map((file) => readFile(file, 'utf8')));
}

async function wakeOften(connectors: readonly Connector[], times = 5): Promise<void> {
  for (let count = 0; count < times; count++) {
    for (const one of connectors) await one.waitConverged();
  }
}

describe('scopes: a second connector under the same prefix', () => {
  const deploys = useDeploys();

  for (const [what, first, second, contained] of [
    ['another namespace', inNamespace('red'), inNamespace('blue'), false],
    ['a namespace of all', inNamespace('*'), inNamespace('blue'), false],
    ['a named cluster', inNamespace('*'), inCluster('us'), false],
    ['other tags', inNamespace('*'), withTags('edge'), false],
    ['another cluster', inCluster('one'), inCluster('two'), false],
    ['all namespaces', inNamespace('red'), inNamespace('*'), true],
  ] as const) {
    it(`${what}: ${contained ? 'takes over' : 'is refused'}, and no request fails`, async () => {
      const { stack, apps, serve, load, reloads } = deploys();
      const [a, b, c] = await apps('a', 'b', 'c');
      const web = serve('web', [a!], { namespace: 'red' });
      serve('api', [b!], { namespace: 'blue' });
      const one = stack.connector({ settings: all(withoutGuard, first) });
      await one.waitSettled();
      const requests = load(domainOf('web'));
      const before = await written(stack);
      const count = await reloads();
      const two = stack.connector({ settings: all(withoutGuard, second) });
      const other = contained ? one : two;
      if (contained) await two.waitSettled();
      one.wake();
      const { message } = await refusal(other);
      expect(message).to.include('ownership.prefix').and.include('routing.map_name');
      if (!contained) {
        await wakeOften([one]);
        for (let tries = 0; tries < 3; tries++) two.wake();
        expect(await written(stack)).to.deep.equal(before);
        expect(await reloads()).to.equal(count);
      }
      // Deployments go on.
      web.addInstance({ address: c!.address, port: c!.port });
      await stack.waitBalanced(domainOf('web'), [a!, c!]);
      await requests.more(100);
      expect(await requests.stop()).to.deep.equal([]);
      expect(await reloads()).to.be.at.most(count + 1);
      if (!contained) expect(two.results).to.deep.equal([]);
    });
  }

  it('--once and --dry-run exit with 1 and say what to do', async () => {
    const { stack, apps, serve } = deploys();
    serve('web', await apps('a'), { namespace: 'red' });
    expect((await stack.run(['--once'], { NOMAD_NAMESPACE: 'red' })).code).to.equal(0);
    const before = await written(stack);
    for (const how of ['--once', '--dry-run']) {
      const { code, stdout, stderr } = await stack.run([how], { NOMAD_NAMESPACE: 'blue' });
      expect(code, how).to.equal(1);
      expect(stdout + stderr)
        .to.include('ownership.prefix')
        .and.include('global/red/haproxy');
    }
    expect(await written(stack)).to.deep.equal(before);
    // A restart with the same settings is no other connector.
    expect((await stack.run(['--once'], { NOMAD_NAMESPACE: 'red' })).code).to.equal(0);
  });

  it('of the same scope works beside the first', async () => {
    const { stack, apps, serve, reloads } = deploys();
    serve('web', await apps('a'));
    const both = [stack.connector(), stack.connector()];
    for (const one of both) await one.waitSettled();
    const count = await reloads();
    await wakeOften(both);
    expect(await reloads()).to.equal(count);
  });
});

/** As an earlier version wrote it. */
async function unsigned(stack: Stack): Promise<void> {
  await stack.editConfiguration((text) =>
    text.replace(
      /(server nomad__g\S+ .*?)\s*# .*/,
      '$1 # {"nomad-connector":{"service":"connector"}}',
    ),
  );
}

describe('scopes: an earlier version, and settings that change', () => {
  const deploys = useDeploys();
  const paths = ['path=/api', 'domain=*.wild.example.com'];

  it('a marker without a scope is signed, without a reload', async () => {
    const { stack, apps, serve, reloads } = deploys();
    const [a, b] = await apps('a', 'b');
    serve('web', [a!], { namespace: 'red' });
    serve('api', [b!], { namespace: 'blue' });
    const earlier = stack.connector();
    await earlier.waitSettled();
    await earlier.stop();
    await unsigned(stack);
    const count = await reloads();
    const later = stack.connector();
    await later.waitSettled();
    expect(await stack.configuration()).to.include('"scope":"global/*/haproxy"');
    await wakeOften([later], 3);
    expect(await reloads()).to.equal(count);
    await refusal(stack.connector({ settings: inNamespace('red') }));
  });

  it('without a scope in the marker, whoever covers the namespace owns it, and the rest stays', async () => {
    const { stack, apps, serve, load, reloads } = deploys();
    const [a, b] = await apps('a', 'b');
    serve('web', [a!], { namespace: 'red' });
    serve('api', [b!], { namespace: 'blue' });
    const earlier = stack.connector();
    await earlier.waitSettled();
    await earlier.stop();
    await unsigned(stack);
    const requests = load(domainOf('api'));
    const red = stack.connector({ settings: all(withoutGuard, inNamespace('red')) });
    const { degraded } = await red.waitSettled();
    expect(degraded.map(({ message }) => message).join()).to.include('nomad_blue_api (blue/api)');
    const count = await reloads();
    await wakeOften([red], 2);
    expect(await reloads()).to.equal(count);
    await refusal(stack.connector({ settings: inNamespace('blue') }));
    await requests.more(50);
    expect(await requests.stop()).to.deep.equal([]);
  });

  it('what a namespace left is removed as the warning says', async () => {
    const { stack, apps, serve } = deploys();
    const [a, b] = await apps('a', 'b');
    serve('web', [a!], { namespace: 'red' });
    serve('api', [b!], { namespace: 'blue' });
    expect((await stack.run(['--once'])).code).to.equal(0);
    const red = { NOMAD_NAMESPACE: 'red' };
    expect((await stack.run(['--once'], red)).code).to.equal(1);
    expect((await stack.run(['--once', '--allow-removals'], red)).code).to.equal(0);
    expect((await stack.run(['--once'], red)).code).to.equal(0);
    const nobody = (settings: Settings): Settings =>
      all(inNamespace('blue'), withTags('nobody'), withoutGuard)(settings);
    await stack.passes({ settings: nobody }).run();
    expect((await stack.run(['--once', '--allow-removals'], red)).code).to.equal(0);
    expect((await stack.run(['--once'], red)).code).to.equal(0);
    expect(await stack.configuration()).to.not.include('blue');
    await stack.waitServed(domainOf('web'), [a!]);
    expect((await stack.request(domainOf('api'))).status).to.equal(404);
  });

  for (const mode of ['map', 'rules'] as const) {
    it(`${mode}: a namespace that leaves the settings stays served, and is reported`, async () => {
      const { stack, apps, serve, load, reloads } = deploys();
      const [a, b, c, d] = await apps('a', 'b', 'c', 'd');
      const web = serve('web', [a!], { namespace: 'red' });
      serve('api', [b!], { namespace: 'blue' });
      serve('deep', [d!], { namespace: 'blue' }, paths);
      const both = stack.connector({ settings: inMode(mode) });
      await both.waitSettled();
      await both.stop();
      const requests = load(domainOf('api'));
      const narrow = all(inMode(mode), inNamespace('red'));
      const refused = stack.connector({ settings: narrow });
      await refusal(refused);
      await refused.stop();
      const once = stack.passes({ settings: all(narrow, withoutGuard) });
      expect((await once.run()).rest.steps).to.deep.equal([]);
      const red = stack.connector({ settings: narrow });
      const { degraded } = await red.waitSettled();
      expect(degraded.map(({ code }) => code)).to.include('out-of-scope');
      // Whatever red does, and whatever it costs.
      serve('late', [c!], { namespace: 'red' }, ['path=/late']);
      await waitFor('late', async () => {
        return (await stack.request(domainOf('late'), '/late')).body === 'c';
      });
      updateInPlace(stack, web, checkedTags('web', ['domain=more.example.com']));
      await stack.waitServed('more.example.com', [a!]);
      stack.nomad.removeService('late', 'red');
      await red.waitSettled();
      const count = await reloads();
      await wakeOften([red], 2);
      expect(await reloads()).to.equal(count);
      await requests.more(50);
      expect(await requests.stop()).to.deep.equal([]);
      expect((await stack.request(domainOf('deep'), '/api')).body).to.equal('d');
      expect((await stack.request('x.wild.example.com', '/api')).body).to.equal('d');
    });
  }
});

describe('scopes: two prefixes side by side', () => {
  const deploys = useDeploys();
  const red = all(named('nomad_', 'nomad'), inNamespace('red'), withoutGuard);
  const blue = all(named('other_', 'other'), inNamespace('blue'), withoutGuard);
  const nested = all(named('nomad_blue_', 'nomad_blue'), inNamespace('blue'), withoutGuard);
  const deep = ['path=/api', 'domain=*.wild.example.com'];

  for (const [what, one, two] of [
    ['maps, both before', red, blue],
    ['maps, before and after', red, all(blue, placed('after'))],
    ['maps, both after', all(red, placed('after')), all(blue, placed('after'))],
    ['rules, both before', all(red, inMode('rules')), all(blue, inMode('rules'))],
    ['maps and rules', red, all(blue, inMode('rules'))],
    ['one prefix begins with the other', red, nested],
  ] as const) {
    it(`${what}: both deploy, nothing fails, and neither undoes the other`, async () => {
      const { stack, apps, serve, load, reloads } = deploys();
      const [a, b, c, d, e] = await apps('a', 'b', 'c', 'd', 'e');
      const web = serve('web', [a!], { namespace: 'red' });
      const api = serve('api', [b!], { namespace: 'blue' });
      const first = stack.connector({ settings: one });
      await first.waitSettled();
      const second = stack.connector({ settings: two });
      await second.waitSettled();
      const loads = [load(domainOf('web')), load(domainOf('api'))];
      serve('deep', [c!], { namespace: 'blue' }, deep);
      await second.waitSettled();
      await first.waitSettled();
      web.addInstance({ address: d!.address, port: d!.port });
      api.addInstance({ address: e!.address, port: e!.port });
      await stack.waitBalanced(domainOf('web'), [a!, d!]);
      await stack.waitBalanced(domainOf('api'), [b!, e!]);
      stack.nomad.removeService('deep', 'blue');
      await second.waitSettled();
      serve('deep', [c!], { namespace: 'red' }, deep);
      await first.waitSettled();
      await waitFor('deep', async () => {
        return (await stack.request('x.wild.example.com', '/api')).body === 'c';
      });
      for (const each of [first, second]) await each.waitSettled();
      const count = await reloads();
      await wakeOften([first, second]);
      expect(await reloads()).to.equal(count);
      for (const each of loads) {
        await each.more(20);
        expect(await each.stop()).to.deep.equal([]);
      }
      expect([...first.failures, ...second.failures].map(({ code }) => code)).to.not.include(
        'other-connector',
      );
    });
  }

  it("a reload of one keeps the other's DOWN server DOWN, and both read one state file", async () => {
    const { stack, apps, serve, load } = deploys();
    const [a, b, c] = await apps('a', 'b', 'c');
    serve('api', [b!, c!], { namespace: 'blue' });
    const second = stack.connector({ settings: blue });
    await second.waitSettled();
    const first = stack.connector({ settings: red });
    await first.waitConverged();
    c!.healthy = false;
    await waitFor('c to be DOWN', async () =>
      (await stack.loadedServers('other_blue_api')).some(
        ({ port, up, admin }) => port === c!.port && admin === 'ready' && !up,
      ),
    );
    await second.stop();
    const requests = load(domainOf('api'));
    for (const name of ['web', 'shop']) {
      serve(name, [a!], { namespace: 'red' });
      await first.waitConverged();
      await stack.waitServed(domainOf(name));
    }
    await requests.more(50);
    expect(await requests.stop()).to.deep.equal([]);
    expect(requests.answers).to.have.keys('b');
    const state = await readFile(stack.dp.dirs.serverStateFile, 'utf8');
    expect(state).to.include('other_blue_api_1').and.include('nomad_red_web_1');
  });

  it("both have servers in one backend of the operator's", async () => {
    const { stack, apps, serve, reloads } = deploys();
    const [a, b] = await apps('a', 'b');
    const root = '/v3/services/haproxy/configuration';
    const version = Number((await stack.dp.send('GET', `${root}/version`)).body);
    const path = `${root}/backends?version=${version}&force_reload=true`;
    const { status } = await stack.dp.send('POST', path, { name: 'pool', mode: 'http' });
    expect(status).to.equal(201);
    const pool = ['backend=custom', 'backend.name=pool'];
    serve('web', [a!], { namespace: 'red' }, pool);
    serve('api', [b!], { namespace: 'blue' }, pool);
    const both = [stack.connector({ settings: red }), stack.connector({ settings: blue })];
    for (const one of both) await one.waitSettled();
    await stack.waitBalanced(domainOf('web'), [a!, b!]);
    await stack.waitBalanced(domainOf('api'), [a!, b!]);
    const count = await reloads();
    await wakeOften(both);
    expect(await reloads()).to.equal(count);
    stack.nomad.removeService('api', 'blue');
    await both[1]!.waitSettled();
    await wakeOften(both, 2);
    await stack.waitBalanced(domainOf('web'), [a!]);
    expect((await stack.request(domainOf('api'))).status).to.equal(404);
  });

  it('the same map name: the second is refused, and names the setting', async () => {
    const { stack, apps, serve, reloads } = deploys();
    const [a, b] = await apps('a', 'b');
    serve('web', [a!], { namespace: 'red' });
    serve('api', [b!], { namespace: 'blue' });
    const first = stack.connector({ settings: red });
    await first.waitSettled();
    const [before, count] = [await written(stack), await reloads()];
    const second = stack.connector({ settings: all(blue, named('other_', 'nomad')) });
    expect((await refusal(second)).message).to.include('routing.map_name');
    await wakeOften([first, first]);
    expect([await written(stack), await reloads()]).to.deep.equal([before, count]);
  });
});
