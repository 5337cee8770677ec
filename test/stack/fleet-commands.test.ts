/** Commands over several HAProxies. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy, type HaproxySeries } from '../../fixtures/haproxy/find.js';
import { freePort } from '../../fixtures/ports.js';
import {
  type Stack,
  domainOf,
  enabledTags,
  requestThrough,
  startStack,
} from '../../fixtures/stack.js';
import { until } from './helpers.js';

interface Several {
  readonly targets: readonly Readonly<Record<string, unknown>>[];
  readonly differs?: readonly string[];
}

interface Status {
  readonly ready: { readonly ok: boolean; readonly reason: string };
  readonly targets: readonly { readonly name: string }[];
}

/** R8 */
describe('a command over several HAProxies', function () {
  this.timeout(120_000);
  let stack: Stack;
  let other: DataPlane;
  let configFile: string;
  const env = { HAPROXY_DATAPLANE_URL: '' };
  const run = (...args: readonly string[]) => stack.run(['--config', configFile, ...args], env);
  const json = async (...args: readonly string[]) => {
    const { code, stdout } = await run(...args, '--output', 'json');
    return { code, ...(JSON.parse(stdout) as Several) };
  };

  before(async function () {
    this.timeout(300_000);
    stack = await startStack();
    const series = process.env['HAPROXY_SERIES'] as HaproxySeries | undefined;
    other = await startDataPlane({ haproxy: await findHaproxy(series) });
    stack.serve('web', [await stack.app('web')]);
    configFile = await configured([]);
  });
  after(async () => {
    await other?.close();
    await stack?.close();
  });

  async function configured(more: readonly object[]): Promise<string> {
    const base = JSON.parse(await readFile(join(stack.dp.dirs.root, 'connector.json'), 'utf8')) as {
      readonly haproxy: object;
    };
    const { username, password } = other;
    const targets = [
      { name: 'edge-1', address: stack.dp.url },
      { name: 'edge-2', address: other.url, username, password },
      ...more,
    ];
    const file = join(stack.dp.dirs.root, `fleet-${more.length}.json`);
    const http = { listen: `127.0.0.1:${await freePort()}` };
    const content = { ...base, http, haproxy: { ...base.haproxy, targets } };
    await writeFile(file, JSON.stringify(content), { mode: 0o600 });
    return file;
  }

  it('shows the plan of each, or of those that are named', async () => {
    const { code, stdout } = await run('--dry-run', '--detailed-exitcode');
    expect(code).to.equal(2);
    expect(stdout.match(/^== .* ==$/gm)).to.deep.equal(['== edge-1 ==', '== edge-2 ==']);
    expect(stdout.match(/\+ backend nomad_web/g)).to.have.lengthOf(2);
    expect(stdout).to.match(/\nReloads: edge-1 first; 2 s later edge-2, 1 at a time\n$/);
    const one = await run('--dry-run', '--target', 'edge-2');
    expect(one.stdout).to.include('+ backend nomad_web').and.not.include('==');
    const both = await json('--dry-run');
    expect(both.targets.map(({ target }) => target)).to.deep.equal(['edge-1', 'edge-2']);
    expect(both.targets[1]).to.include({ format_version: 1, noChanges: false });
  });

  it('refuses a name that none has, and a saved plan of several', async () => {
    const unknown = await run('--once', '--target', 'edge-9');
    expect(unknown.code).to.equal(64);
    expect(unknown.stderr).to.include('there is no target').and.include('edge-1, edge-2');
    const saved = await run('--dry-run', '--plan-out', join(stack.dp.dirs.root, 'plan.json'));
    expect(saved.code).to.equal(64);
    expect(saved.stderr).to.include('--plan-out is for one HAProxy');
  });

  it('applies the saved plan of one', async () => {
    const file = join(stack.dp.dirs.root, 'plan.json');
    expect((await run('--dry-run', '--target', 'edge-1', '--plan-out', file)).code).to.equal(0);
    expect((await run('--once', '--plan', file)).stderr).to.include('--plan is for one HAProxy');
    expect((await run('--once', '--target', 'edge-2', '--plan', file)).code).to.equal(5);
    expect((await run('--once', '--target', 'edge-1', '--plan', file)).code).to.equal(0);
    await stack.waitServed(domainOf('web'));
    expect((await requestThrough(other.frontendPort, domainOf('web'), '/')).status).to.equal(404);
  });

  it('explains for each, and names the one that differs', async () => {
    const { code, stdout } = await run('explain', domainOf('web'));
    expect(code).to.equal(3);
    expect(stdout).to.match(/\nedge-2 differs from edge-1: .*\n$/);
    const { differs } = await json('explain', domainOf('web'));
    expect(differs).to.deep.equal(['edge-2']);
  });

  it('converges those that it can, whatever the others do', async () => {
    configFile = await configured([
      { name: 'gone', address: `http://127.0.0.1:${await freePort()}` },
    ]);
    const { code, stdout, stderr } = await run('--once');
    expect(code).to.equal(1);
    expect(stdout).to.match(/== gone ==\nfailed \(haproxy-.*ECONNREFUSED/);
    expect(stderr.trim().split('\n')).to.have.lengthOf(1);
    // Its first check passes after the run.
    await until(
      async () => (await requestThrough(other.frontendPort, domainOf('web'), '/')).status === 200,
    );
    const explained = await json('explain', domainOf('web'));
    expect(explained).to.include({ code: 1 }).and.to.have.deep.property('differs', []);
  });

  it('skips on all what the first one refuses, and says who did', async () => {
    const text = '\nfrontend nomad_bad\n  mode http\n  stick-table type ip size 1k\n';
    await stack.editConfiguration((before) => before + text);
    const tags = [...enabledTags('bad'), 'haproxy.rate-limit=100/1m'];
    stack.serve('bad', [await stack.app('bad')], { tags });
    const { code, stdout } = await run('--once', '--target', 'edge-1', '--target', 'edge-2');
    expect(code).to.equal(3);
    expect(stdout.split('== edge-2 ==')[1]).to.include('refused by edge-1');
    stack.nomad.removeService('bad');
    await run('--once', '--allow-removals');
  });

  it('examines each, and what they share once', async () => {
    const before = stack.nomad.requests.all.length;
    const { targets, code } = await json('doctor');
    const asked = stack.nomad.requests.all.slice(before).map(({ path }) => path);
    expect(code).to.equal(1);
    expect(targets.map(({ ok }) => ok)).to.deep.equal([true, true, false]);
    const listed = asked.filter((path) => path.startsWith('/v1/namespaces'));
    expect(listed).to.have.lengthOf(1);
  });

  it('logs once that Nomad can not be read', async () => {
    const nomad = `http://127.0.0.1:${await freePort()}`;
    const { code, stderr } = await run('--once', '--nomad-address', nomad);
    expect(code).to.equal(1);
    expect(stderr.trim().split('\n')).to.have.lengthOf(1);
  });

  it('has a daemon that shows each in its metrics and on its page', async () => {
    const port = await freePort();
    const file = ['--config', configFile, '--http-listen', `127.0.0.1:${port}`];
    const daemon = await stack.spawnConnector(file, env);
    try {
      const get = async (path: string) =>
        (await fetch(`http://127.0.0.1:${port}${path}`)).text().catch(() => '');
      const metrics = () => get('/metrics').catch(() => '');
      await until(async () => {
        const text = await metrics();
        const inSync = ['edge-1', 'edge-2'].map((name) => `target_in_sync{haproxy="${name}"} 1`);
        return [...inSync, 'targets{state="failed"} 1'].every((one) => text.includes(one));
      });
      const text = await metrics();
      expect(text).to.include('target_in_sync{haproxy="gone"} 0');
      expect(text).to.match(/services\{state="routed",haproxy="edge-2"\} 1\n/);
      expect(text).to.match(/server_info\{haproxy="edge-1",proxy="nomad_web"/);
      const status = JSON.parse(await get('/status.json')) as Status;
      expect(status.ready).to.have.property('ok', false);
      expect(status.ready.reason).to.match(/^gone: /);
      expect(status.targets.map(({ name }) => name)).to.deep.equal(['edge-1', 'edge-2', 'gone']);
      expect(await get('/?target=edge-2')).to.include(domainOf('web'));
    } finally {
      await daemon.stop();
    }
  });
});
