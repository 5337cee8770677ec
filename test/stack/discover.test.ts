/** HAProxies that Nomad knows: they come, go and are replaced while the others are served. */

import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { expect } from 'chai';

import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy, type HaproxySeries } from '../../fixtures/haproxy/find.js';
import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import { freePort } from '../../fixtures/ports.js';
import type { Started } from '../../fixtures/process.js';
import { type Stack, domainOf, requestThrough, startStack } from '../../fixtures/stack.js';
import { until } from './helpers.js';

interface Status {
  readonly ready: { readonly ok: boolean; readonly reason: string };
  readonly targets: readonly { readonly name: string }[];
}

const service = 'haproxy-dataplane';

/** R8 */
describe('HAProxies that Nomad knows', function () {
  this.timeout(120_000);
  let stack: Stack;
  let other: DataPlane;
  let edges: ServiceHandle;
  let configFile: string;
  let daemon: Started | undefined;
  let port: number;
  /** Asked for anything by nobody: it would get the password. */
  let stranger: { readonly server: Server; readonly seen: string[] };
  const env = { HAPROXY_DATAPLANE_URL: '' };
  const run = (...args: readonly string[]) => stack.run(['--config', configFile, ...args], env);
  const portOf = (url: string) => Number(new URL(url).port);
  const at = (dp: DataPlane) => ({ address: '127.0.0.1', port: portOf(dp.url) });
  const isServed = async (dp: DataPlane, name: string): Promise<boolean> =>
    (await requestThrough(dp.frontendPort, domainOf(name), '/')).status === 200;
  const get = async (path: string): Promise<string> =>
    fetch(`http://127.0.0.1:${port}${path}`).then(
      (answer) => answer.text(),
      () => '',
    );
  const status = async () => JSON.parse(await get('/status.json')) as Status;
  const namesShown = async () => (await status()).targets.map(({ name }) => name);
  const metrics = () => get('/metrics');

  before(async function () {
    this.timeout(300_000);
    stack = await startStack();
    const series = process.env['HAPROXY_SERIES'] as HaproxySeries | undefined;
    other = await startDataPlane({ haproxy: await findHaproxy(series) });
    stack.serve('web', [await stack.app('web')]);
    stranger = await listen();
    edges = stack.nomad.addService({
      name: service,
      tags: ['haproxy-name=${node.unique.name}'],
      job: { ID: 'haproxy' },
      instances: [{ ...at(stack.dp), nodeId: stack.nomad.addNode('edge-1').id }],
    });
    stack.nomad.addService({
      name: service,
      job: { ID: 'stranger' },
      instances: [{ address: '127.0.0.1', port: (stranger.server.address() as AddressInfo).port }],
    });
    configFile = await configured({ service, job: 'haproxy', scheme: 'http' });
  });
  after(async () => {
    await daemon?.stop();
    stranger?.server.close();
    await other?.close();
    await stack?.close();
  });

  async function listen(answer = 200): Promise<typeof stranger> {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url ?? '');
      const message = `path ${request.url} was not found`;
      response.writeHead(answer, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer === 404 ? { code: 404, message } : {}));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { server, seen };
  }

  async function configured(discover: object): Promise<string> {
    const base = JSON.parse(await readFile(join(stack.dp.dirs.root, 'connector.json'), 'utf8')) as {
      readonly haproxy: object;
      readonly guard?: object;
    };
    const file = join(stack.dp.dirs.root, 'discover.json');
    const { guard = {}, haproxy } = base;
    const content = {
      ...{ ...base, haproxy: { ...haproxy, discover } },
      guard: { ...guard, traceless_hold: '2s' },
    };
    await writeFile(file, JSON.stringify(content), { mode: 0o600 });
    return file;
  }

  async function startDaemon(): Promise<Started> {
    port = await freePort();
    const args = ['--config', configFile, '--http-listen', `127.0.0.1:${port}`];
    return stack.spawnConnector(args, env);
  }

  it('have commands over them, which say what is not one of them', async () => {
    const dry = await run('--dry-run', '--target', 'edge-1');
    expect(dry.stdout).to.include('+ backend nomad_web');
    expect(dry.stderr).to.include('other-job').and.include('default/stranger');
    const unknown = await run('--dry-run', '--target', 'edge-2');
    expect(unknown.code).to.equal(64);
    expect(unknown.stderr).to.include('there is edge-1');
    const doctor = await run('doctor');
    expect(doctor.stdout).to.match(/warning +haproxy-discover .*default\/stranger/);
    expect(doctor.stdout).to.match(/ok +haproxy-discover +1 found: edge-1 at http:/);
    expect((await run('--once')).code).to.equal(0);
    await until(() => isServed(stack.dp, 'web'));
    expect((await run('explain', domainOf('web'))).code).to.equal(0);
  });

  it('are none where the job does not run, and the message says so', async () => {
    const before = configFile;
    configFile = await configured({ service, job: 'nobody', scheme: 'http' });
    const once = await run('--once');
    expect(once.code).to.equal(1);
    expect(once.stderr).to.include('no running allocation of job nobody');
    const doctor = await run('doctor');
    expect(doctor.code).to.equal(1);
    expect(doctor.stdout).to.match(/error +haproxy-discover .*no running allocation of job nobody/);
    configFile = before;
    await configured({ service, job: 'haproxy', scheme: 'http' });
  });

  it('get the same routes when they join', async () => {
    daemon = await startDaemon();
    await until(async () => (await get('/readyz')).includes('"ok"'));
    expect(await namesShown()).to.deep.equal(['edge-1']);
    edges.addInstance({ ...at(other), nodeId: stack.nomad.addNode('edge-2').id });
    await until(() => isServed(other, 'web'));
    await until(async () => (await metrics()).includes('target_in_sync{haproxy="edge-2"} 1'));
    expect(await namesShown()).to.deep.equal(['edge-1', 'edge-2']);
    expect(await metrics()).to.include('targets{state="in-sync"} 2');
    expect(await metrics()).to.include('discovered{state="other-job"} 1');
    expect(await get('/?target=edge-2')).to.include(domainOf('web'));
  });

  it('join and leave while another hangs', async function () {
    // The one that hangs is the canary: the other one waits until its pass fails.
    this.timeout(120_000);
    stack.dp.signalDataPlane('SIGSTOP');
    try {
      stack.serve('shop', [await stack.app('shop')]);
      await until(() => isServed(other, 'shop'), { timeoutMs: 40_000 });
      const [, second] = edges.allocs;
      edges.replaceInstance(second!.ID, { ...at(other), nodeId: second!.NodeID });
      stack.serve('third', [await stack.app('third')]);
      await until(() => isServed(other, 'third'), { timeoutMs: 40_000 });
    } finally {
      stack.dp.signalDataPlane('SIGCONT');
    }
    await until(() => isServed(stack.dp, 'third'), { timeoutMs: 30_000 });
  });

  it('stay where Nomad is away, and where its answer is empty', async () => {
    await stack.nomad.stop();
    await until(async () => (await metrics()).includes('discovery_failing 1'));
    expect(await namesShown()).to.deep.equal(['edge-1', 'edge-2']);
    await stack.nomad.start();
    await until(async () => (await metrics()).includes('discovery_failing 0'));
    const [first] = edges.allocs;
    stack.nomad.deregisterInstance(first!.ID);
    await until(async () => (await metrics()).includes('discovered{state="missing"} 1'));
    expect(await namesShown()).to.deep.equal(['edge-1', 'edge-2']);
    stack.nomad.registerInstance(first!.ID, { [service]: at(stack.dp) });
    await until(async () => (await metrics()).includes('discovered{state="missing"} 0'));
  });

  it('end with their allocation: loop, page, metrics', async () => {
    const [, second] = edges.allocs;
    stack.nomad.stopAlloc(second!.ID);
    await until(async () => (await namesShown()).length === 1);
    expect(await metrics()).not.to.include('haproxy="edge-2"');
    await until(async () => (await status()).ready.ok);
    expect(daemon?.output()).to.include('HAProxy has left');
  });

  it('say what to do about a Data Plane API that is too old, and work without it', async () => {
    const old = await listen(404);
    const { port: oldPort } = old.server.address() as AddressInfo;
    const alloc = edges.addInstance({
      ...{ address: '127.0.0.1', port: oldPort },
      nodeId: stack.nomad.addNode('old').id,
    });
    await until(async () => /^old: .*3\.0 or newer/.test((await status()).ready.reason ?? ''));
    stack.serve('fourth', [await stack.app('fourth')]);
    await until(() => isServed(stack.dp, 'fourth'));
    stack.nomad.stopAlloc(alloc.ID);
    await until(async () => (await status()).ready.ok);
    old.server.close();
  });

  it("are left alone where they are another connector's", async () => {
    const base = JSON.parse(await readFile(join(stack.dp.dirs.root, 'connector.json'), 'utf8')) as {
      readonly ownership?: object;
    };
    const file = join(stack.dp.dirs.root, 'rival.json');
    const rival = { ...base, ownership: { ...base.ownership, scope: 'rival' } };
    await writeFile(file, JSON.stringify(rival), { mode: 0o600 });
    const args = ['--config', file, '--once', '--allow-removals'];
    expect((await stack.run(args, { HAPROXY_DATAPLANE_URL: other.url })).code).to.equal(0);
    const before = await readFile(other.dirs.config, 'utf8');
    edges.addInstance({ ...at(other), nodeId: stack.nomad.addNode('taken').id });
    const isTold = /^taken: .*belongs to a connector of scope rival/;
    await until(async () => isTold.test((await status()).ready.reason ?? ''));
    stack.serve('fifth', [await stack.app('fifth')]);
    await until(() => isServed(stack.dp, 'fifth'));
    expect(await readFile(other.dirs.config, 'utf8')).to.equal(before);
  });

  it('never include one of another job: it got no request', () => {
    expect(stranger.seen).to.deep.equal([]);
  });
});
