import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import { freePort } from '../../fixtures/ports.js';
import { domainOf, enabledTags } from '../../fixtures/stack.js';
import { until } from './helpers.js';
import { useStack } from './stack.js';

/** R5.1, R5.2: a single pass, or none at all but its plan. */
describe('the program, run once', function () {
  this.timeout(120_000);
  const stack = useStack();
  let app: App;
  beforeEach(async () => {
    app = await stack().app('a');
    stack().serve('web', [app]);
  });
  const bad = [...enabledTags('bad'), 'haproxy.backend=nonsense'];

  it('--dry-run prints the plan, and nothing but GET leaves the process', async () => {
    const { code, stdout } = await stack().run(['--dry-run']);
    expect(code).to.equal(0);
    expect(stdout).to.match(/\n {2}\+ backend nomad_web +default\/web\n/);
    expect(stdout).to.match(
      /\nPlan: \d+ to add, 0 to change, 0 to remove\. Reload: yes \(.*\)\.\n$/,
    );
    const methods = new Set(
      stack()
        .proxy.seen()
        .map(({ method }) => method),
    );
    expect([...methods]).to.deep.equal(['GET']);
    expect(stack().nomad.requests.all.every(({ method }) => method === 'GET')).to.equal(true);
    expect(await stack().configuration()).not.to.include('nomad_');
  });

  it('--dry-run --detailed-exitcode exits 2 with changes; --once converges; then there are none', async () => {
    const pending = await stack().run(['--dry-run', '--detailed-exitcode']);
    expect(pending.code).to.equal(2);
    const { code, stdout } = await stack().run(['--once']);
    expect(code).to.equal(0);
    expect(stdout).to.include('+ backend nomad_web');
    await stack().waitServed(domainOf('web'), [app]);
    stack().proxy.clear();
    const again = await stack().run(['--once', '--detailed-exitcode']);
    expect(again.code).to.equal(0);
    expect(again.stdout).to.match(/\nNo changes\.\n$/);
    // Servers have come UP since: what a cold start should know is all that may be written.
    const writes = stack()
      .proxy.writes()
      .filter(({ path }) => !path.includes('/storage/general'));
    expect(writes).to.deep.equal([]);
  });

  it('--once --detailed-exitcode exits 2 when it changed something', async () => {
    const { code } = await stack().run(['--once', '--detailed-exitcode']);
    expect(code).to.equal(2);
  });

  it('--output json is one object', async () => {
    const { code, stdout } = await stack().run(['--dry-run', '--output', 'json']);
    expect(code).to.equal(0);
    const plan = JSON.parse(stdout) as { changes: { action: string }[]; noChanges: boolean };
    expect(plan.noChanges).to.equal(false);
    expect(plan.changes.every(({ action }) => action === 'add')).to.equal(true);
  });

  it('exits 3 when all but a skipped service converged', async () => {
    stack().serve('bad', [app], { tags: bad });
    const { code, stdout } = await stack().run(['--once']);
    expect(code).to.equal(3);
    expect(stdout).to.match(/ {2}! service bad skipped: .*nonsense/);
    await stack().waitServed(domainOf('web'), [app]);
  });

  it('exits 4 when the guard still holds a removal, after it has looked again', async () => {
    stack().serve('other', [app]);
    expect((await stack().run(['--once'])).code).to.equal(0);
    stack().nomad.faults.hiddenServices = ['web'];
    const { code, stdout } = await stack().run(['--once']);
    expect(code).to.equal(4);
    expect(stdout).to.include('removals held');
    await stack().waitServed(domainOf('web'), [app]);
  });

  it('exits 0 when the second look released what the guard held', async () => {
    stack().serve('other', [app]);
    expect((await stack().run(['--once'])).code).to.equal(0);
    stack().nomad.removeService('web');
    stack().nomad.collectGarbage();
    const { code, stderr } = await stack().run(['--once']);
    expect(code, stderr).to.equal(0);
    expect((await stack().request(domainOf('web'))).status).to.equal(404);
  });

  for (const mode of ['--once', '--dry-run']) {
    for (const [what, flag] of [
      ['Nomad', '--nomad-address'],
      ['Data Plane API', '--haproxy-address'],
    ] as const) {
      it(`${mode} with an unreachable ${what} exits 1, with one line`, async () => {
        const address = `http://127.0.0.1:${await freePort()}`;
        const { code, stderr, stdout } = await stack().run([mode, flag, address]);
        expect([code, stdout]).to.deep.equal([1, '']);
        expect(stderr.trim().split('\n')).to.have.lengthOf(1);
        expect(stderr).to.include(what).and.include('ECONNREFUSED');
      });
    }
  }

  it('exits 1 with a wrong password, and does not tell it', async () => {
    const { code, stderr } = await stack().run(['--once'], { HAPROXY_PASSWORD: 'not-this-one' });
    expect(code).to.equal(1);
    expect(stderr).not.to.include('not-this-one');
  });

  it('exits 1 when the frontend does not exist: it does not claim to have converged', async () => {
    const { code, stdout } = await stack().run(['--once', '--frontend', 'nowhere']);
    expect(code).to.equal(1);
    expect(stdout).to.include('nowhere');
  });

  it('refuses to own things without a prefix where metadata is not kept (R2.4)', async () => {
    const before = await stack().configuration();
    const given = join(stack().dp.dirs.root, 'connector.json');
    const file = join(stack().dp.dirs.root, 'no-prefix.json');
    const content = JSON.parse(await readFile(given, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...content, ownership: { prefix: '' } }));
    for (const [version, code] of [
      ['v3.0.21 abcdef', 1],
      ['v3.2.13 abcdef', 0],
    ] as const) {
      stack().proxy.clear();
      stack().proxy.onRequest(({ path }) =>
        path.endsWith('/v3/info')
          ? { rewrite: (body) => body.replace(/"version":"[^"]*"/, `"version":"${version}"`) }
          : undefined,
      );
      const ended = await stack().run(['--config', file, '--once']);
      expect(ended.code, ended.stderr).to.equal(code);
      if (code === 0) continue;
      expect(ended.stderr).to.include('ownership.prefix is empty, which needs Data Plane API 3.2');
      expect(stack().proxy.writes()).to.deep.equal([]);
      expect(await stack().configuration()).to.equal(before);
    }
  });

  it('S5: refuses an HAProxy older than 3.0, and touches nothing', async () => {
    stack().proxy.onRequest(({ path }) =>
      path.endsWith('/runtime/info')
        ? { rewrite: (body) => body.replace(/"version":"3\.[^"]*"/, '"version":"2.8.9-1"') }
        : undefined,
    );
    const { code, stderr } = await stack().run(['--once']);
    expect(code).to.equal(1);
    expect(stderr).to.include('HAProxy 2.8.9-1 is too old: 3.0 or newer is required');
    expect(stderr.trim().split('\n')).to.have.lengthOf(1);
    expect(stack().proxy.writes()).to.deep.equal([]);
  });
});

/** R5.4, S25. */
describe('the program, as a daemon', function () {
  this.timeout(120_000);
  const stack = useStack();

  it('S25: is alive at once, and ready only when it has synced', async () => {
    const app = await stack().app('a');
    stack().serve('web', [app]);
    stack().nomad.faults.http500 = true;
    const port = await freePort();
    const status = async (path: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    await stack().spawnConnector(['--http-listen', `127.0.0.1:${port}`]);
    await until(() => stack().nomad.requests.count('/v1/services') > 2);
    expect(await status('/health')).to.equal(200);
    expect(await status('/readyz')).to.equal(503);
    stack().nomad.faults.clear();
    await stack().waitServed(domainOf('web'), [app]);
    await until(async () => (await status('/readyz')) === 200);
  });

  it('S25: is not ready while it routes nothing for want of a frontend', async () => {
    stack().serve('web', [await stack().app('a')]);
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    await stack().spawnConnector(['--http-listen', address, '--frontend', 'nowhere']);
    const ready = async (): Promise<string> => (await fetch(`http://${address}/readyz`)).text();
    await until(async () => (await ready()).includes('nowhere'));
    expect((await fetch(`http://${address}/readyz`)).status).to.equal(503);
  });
});
