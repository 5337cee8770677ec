import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { openPolicy, type PolicySettings } from '../../src/config/policy.js';
import { globalSection, webDefaults } from '../../fixtures/dataplane/config.js';
import { type Stack, startStack } from '../../fixtures/stack.js';

/** One stack for all cases: a tenant against the operator's part and against another tenant. */
describe('one tenant against all', function () {
  this.timeout(60_000);
  let stack: Stack;
  let pool: Server;
  const evil = 'evil-ns';

  before(async () => {
    pool = createServer((_request, response) => response.end('operator pool'));
    await new Promise<void>((resolve) => pool.listen(0, '127.0.0.1', resolve));
    const { port: own } = pool.address() as AddressInfo;
    stack = await startStack({
      haproxyConfig: (dirs, port) => `${globalSection(dirs)}
${webDefaults}frontend http_front from web
  bind 127.0.0.1:${port} name public
  option idle-close-on-response
  use_backend operator_login if { req.hdr(host) -i login.corp.example }
  default_backend operator_default
frontend db_front from web
  mode tcp
  bind abns@policy-db name db
  default_backend operator_db
backend operator_login from web
  http-request return status 200 content-type text/plain string "operator login"
backend operator_default from web
  http-request return status 404 content-type text/plain string "operator default"
backend operator_pool from web
  server own 127.0.0.1:${own}
backend operator_db from web
  mode tcp
  server own 127.0.0.1:${own}
`,
    });
  });

  after(async () => {
    await stack?.close();
    pool?.close();
  });

  const withPolicy = (policy: Partial<PolicySettings>) => ({
    settings: (given: Stack['settings']) => ({ ...given, policy: { ...openPolicy, ...policy } }),
  });

  const body = async (host: string, path?: string) => (await stack.request(host, path)).body;

  it('keeps hosts with their namespace, also for a new process', async () => {
    const [victim, other] = [await stack.app('victim'), await stack.app('evil')];
    const instances = [{ address: other.address, port: other.port }];
    const tenant = (name: string, ...tags: readonly string[]) =>
      stack.nomad.addService({
        name,
        namespace: evil,
        tags: ['haproxy.enable=true', ...tags.map((tag) => `haproxy.${tag}`)],
        instances,
      });
    // An older job, which claims the host later.
    stack.nomad.addService({ name: 'old', namespace: evil, tags: [], instances });
    stack.serve('shop', [victim], { namespace: 'victim-ns' });
    expect((await stack.run(['--once'])).code).to.be.oneOf([0, 3]);
    await stack.waitServed('shop.example.com', [victim]);
    const claims = join(stack.dp.dirs.maps, 'nomad_claims.map');
    expect(readFileSync(claims, 'utf8')).to.contain('host|victim-ns|exact|shop.example.com');

    tenant('old', 'domain=shop.example.com');
    tenant('login', 'domain=shop.example.com', 'path=/login');
    tenant('wild', 'domain=*.corp.example');
    const result = await stack.run(['--once', '--output', 'json']);
    expect(result.stdout).to.contain('belongs to victim-ns/shop').and.to.contain('http_front');
    expect(await body('shop.example.com')).to.equal('victim');
    expect(await body('shop.example.com', '/login')).to.equal('victim');
    expect(await body('login.corp.example')).to.equal('operator login');

    stack.nomad.removeService('shop', 'victim-ns');
    await stack.run(['--once', '--allow-removals']);
    expect(await body('shop.example.com')).not.to.equal('evil');
    stack.serve('shop', [victim], { namespace: 'victim-ns' });
    await stack.run(['--once']);
    await stack.waitServed('shop.example.com', [victim]);
    for (const name of ['old', 'login', 'wild']) stack.nomad.removeService(name, evil);
  });

  it('writes nothing where nothing changed', async () => {
    const passes = stack.passes();
    await passes.run();
    await passes.run();
    stack.proxy.clear();
    await passes.run();
    expect(stack.proxy.writes()).to.deep.equal([]);
  });

  it("keeps the operator's frontends, backends and endpoints", async () => {
    const connector = stack.connector(
      withPolicy({ protectedFrontends: ['db_front'], protectedBackends: ['operator_login'] }),
    );
    const other = await stack.app('evil2');
    const at = { address: other.address, port: other.port };
    const add = (name: string, where: typeof at, ...tags: readonly string[]) =>
      stack.nomad.addService({
        name,
        namespace: evil,
        tags: ['haproxy.enable=true', ...tags.map((tag) => `haproxy.${tag}`)],
        instances: [where],
      });
    const nomad = Number(new URL(stack.nomadUrl).port);
    add('db', at, 'mode=tcp', 'frontend=db_front');
    add('open', at, 'backend=custom', 'backend.name=operator_login', 'domain=open.io');
    add('api', { address: '127.0.0.1', port: nomad }, 'domain=api.io', 'check.disabled=true');
    add('pool', at, 'backend=custom', 'backend.name=operator_pool', 'weight=256', 'domain=pool.io');
    const { rest } = await connector.waitSettled();
    const skipped = rest.skipped.map(({ service, code }) => `${service} ${code}`).sort();
    expect(skipped).to.deep.equal([
      `${evil}/api policy`,
      `${evil}/db policy`,
      `${evil}/open policy`,
    ]);
    expect(await body('api.io', '/v1/jobs')).to.equal('operator default');
    expect(await body('open.io')).to.equal('operator default');
    const servers = await stack.loadedServers('operator_pool');
    const filled = servers.filter(({ admin }) => admin !== 'maint');
    expect(filled.map(({ weight }) => weight)).to.deep.equal([1, 1]);
    await connector.stop();
  });

  it('sends no request round through itself until nobody else has a connection', async () => {
    const victim = await stack.app('aside');
    stack.serve('aside', [victim], { namespace: 'victim-ns' });
    stack.nomad.addService({
      ...{ name: 'round', namespace: evil },
      tags: ['enable=true', 'domain=round.io', 'check.disabled=true'].map(
        (tag) => `haproxy.${tag}`,
      ),
      instances: [{ address: '127.0.0.1', port: stack.dp.frontendPort }],
    });
    const connector = stack.connector();
    const { rest } = await connector.waitSettled();
    const found = rest.skipped.find(({ service }) => service === `${evil}/round`);
    expect(found?.reason).to.match(/127\.0\.0\.1:\d+ is HAProxy itself/);
    expect(await body('round.io')).to.equal('operator default');
    await stack.waitServed('aside.example.com', [victim]);
    await connector.stop();
  });

  it("takes a service out of an operator's backend once that is protected, whatever its tags", async () => {
    const { address, port } = await stack.app('evil3');
    const tags = ['enable=true', 'backend=custom', 'backend.name=operator_pool', 'weight=heavy'];
    stack.nomad.addService({
      name: 'pool',
      namespace: evil,
      tags: tags.map((tag) => `haproxy.${tag}`),
      instances: [{ address, port }],
    });
    const before = stack.connector();
    const { rest } = await before.waitSettled();
    expect(rest.skipped.find(({ service }) => service === `${evil}/pool`)?.code).to.equal(
      'invalid-tag',
    );
    await before.stop();
    const connector = stack.connector(withPolicy({ protectedBackends: ['operator_pool'] }));
    await connector.waitSettled();
    expect((await stack.loadedServers('operator_pool')).map(({ name }) => name)).to.deep.equal([
      'own',
    ]);
    expect(await body('pool.io')).to.equal('operator default');
  });
});
