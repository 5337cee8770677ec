import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

import { expect } from 'chai';

import { printPlan } from '../../src/diff/print/print.js';
import type { Echo } from './echo.js';
import { startLoad } from './load.js';
import { adopting, inRules, startWorld, until, type World } from './world.js';

/** What the original connector makes for a service with a domain. */
function legacy(service: string, domains: readonly string[], apps: readonly Echo[]) {
  const backend = service.replaceAll('-', '_');
  const server = ({ address, port }: Echo): string =>
    `  server ${backend}_${address.replaceAll('.', '_')}_${port} ${address}:${port} check`;
  const acl = (domain: string): string =>
    `is_${backend}_${createHash('sha256').update(domain).digest('hex').slice(0, 8)}`;
  return {
    acls: domains.map((domain) => `  acl ${acl(domain)} hdr(host) ${domain}`).join('\n'),
    rules: domains.map((domain) => `  use_backend ${backend} if ${acl(domain)}`).join('\n'),
    backend: `\nbackend ${backend}\n  balance roundrobin\n${apps.map(server).join('\n')}\n`,
  };
}

describe('adoption of what the original connector made', function () {
  this.timeout(60_000);
  let world: World;
  let apps: Echo[];

  /** The operator's file with more in it, loaded by a restart. */
  async function withMore(frontend: string, sections: string): Promise<void> {
    const { dp } = world.stack;
    await dp.killDataPlane();
    await dp.stopHaproxy();
    const text = await readFile(dp.dirs.config, 'utf8');
    const more = text.replace(
      '  use_backend operator_api',
      `${frontend}\n  use_backend operator_api`,
    );
    await writeFile(dp.dirs.config, more + sections);
    await dp.startHaproxy();
    await dp.startDataPlane();
  }

  beforeEach(async function () {
    this.timeout(300_000);
    world = await startWorld();
    apps = await Promise.all(['a', 'b', 'c'].map((name) => world.app(name)));
  });
  afterEach(() => world.close());

  const at = (app: Echo) => ({ address: app.address, port: app.port });

  for (const mode of ['map', 'rules'] as const) {
    it(`in one pass without a lost request, shown in the plan first, in ${mode} mode`, async () => {
      const domains = ['crm.example.com', 'crm.example.org'];
      const made = legacy('crm-prod', domains, apps.slice(0, 2));
      const other = legacy('gone-service', ['gone.example.com'], apps.slice(2));
      await withMore(
        [made.acls, other.acls, made.rules, other.rules].join('\n'),
        made.backend + other.backend,
      );
      world.serve(
        'crm-prod',
        domains.map((domain) => `domain=${domain}`),
        { instances: apps.slice(0, 2).map(at) },
      );
      const settings = (one: Parameters<typeof adopting>[0]) =>
        adopting(mode === 'rules' ? inRules(one) : one);
      const load = startLoad(world, domains);
      const { plan, reloads } = await world.pass(settings);
      const { asked, lost } = await load.stop();
      const shown = printPlan(plan);
      expect(shown).to.match(/\+ backend nomad_crm-prod/);
      expect(shown).to.match(/- backend crm_prod +default\/crm-prod: adopted/);
      expect(shown).to.match(/- rule in frontend http_front +use_backend crm_prod if is_crm_prod_/);
      expect(lost).to.deep.equal([]);
      expect(asked).to.be.greaterThan(10);
      expect(reloads).to.have.lengthOf(1);

      const text = await world.stack.configuration();
      expect(text).not.to.match(/crm_prod/);
      // Nobody in Nomad answers for that one: it may be the operator's by now.
      expect(text).to.include(other.backend.trim().split('\n').at(-1));
      expect((await world.ask('gone.example.com')).got?.app).to.equal('c');
      expect((await world.ask('x', { path: '/operator' })).body).to.equal('operator api');
      expect((await world.pass(settings)).steps).to.deep.equal([]);
    });
  }

  it('does not happen without the flag', async () => {
    const made = legacy('crm', ['crm.example.com'], apps.slice(0, 1));
    await withMore(`${made.acls}\n${made.rules}`, made.backend);
    world.serve('crm', ['domain=crm.example.com'], { instances: [at(apps[1]!)] });
    await world.converge();
    const text = await world.stack.configuration();
    for (const line of [made.acls, made.rules]) expect(text).to.include(line.trim());
    const [, ...lines] = made.backend.trim().split('\n');
    expect(await world.section('backend', 'crm')).to.include.members(
      lines.map((line) => line.trim()),
    );
    // Ours stands before the original's, once its check has passed.
    await until('ours answers', async () => (await world.ask('crm.example.com')).got?.app === 'b');
  });

  it('leaves a backend that the operator has come to use, and says so', async () => {
    const made = legacy('crm', ['crm.example.com'], apps.slice(0, 1));
    const own = '  use_backend crm if operator_path { hdr(x-crm) 1 }';
    await withMore(`${made.acls}\n${made.rules}\n${own}`, made.backend);
    world.serve('crm', ['domain=crm.example.com'], { instances: [at(apps[0]!)] });
    const { rest } = await world.pass(adopting);
    expect(rest.problems.map(({ code, message }) => [code, message])).to.deep.equal([
      ['not-adopted', `backend crm can't be adopted: "${own.trim()}" is not the connector's`],
    ]);
    expect(await world.stack.configuration()).to.include(made.rules.trim());
  });

  it('is not of a backend that has other servers too', async () => {
    await withMore(
      '',
      `\nbackend web\n  server web_127_0_0_1_1 127.0.0.1:1\n  server own 127.0.0.1:2\n`,
    );
    world.serve('web', ['domain=web.example.com'], { instances: [at(apps[0]!)] });
    await world.converge(adopting);
    expect(await world.section('backend', 'web')).to.include('server own 127.0.0.1:2');
  });

  it('replaces a backend of exactly our name whole, without a lost request', async () => {
    const server = `server old ${apps[0]!.address}:${apps[0]!.port} check inter 100ms`;
    await withMore(
      '  use_backend nomad_web if { hdr(host) web.example.com }',
      `\nbackend nomad_web\n  balance leastconn\n  ${server}\n`,
    );
    world.serve('web', ['domain=web.example.com'], { instances: [at(apps[0]!)] });
    const load = startLoad(world, ['web.example.com']);
    const shared = await world.converge();
    expect(await world.section('backend', 'nomad_web')).to.include('balance leastconn');
    const { plan } = await world.pass(adopting);
    expect((await load.stop()).lost).to.deep.equal([]);
    expect([shared.rest.skipped, shared.rest.steps]).to.deep.equal([[], []]);
    expect(printPlan(plan)).to.match(/~ backend nomad_web +default\/web: taken over/);
    const section = (await world.section('backend', 'nomad_web')).join('\n');
    expect(section).to.match(/balance roundrobin/);
    expect(section).not.to.match(/server old/);
    expect((await world.pass()).steps).to.deep.equal([]);
  });

  it('takes the servers over in a backend of the operator that a custom service joins', async () => {
    const [app] = apps as [Echo];
    const lines = ['balance leastconn', `server own ${app.address}:${app.port}`];
    const server = `server pool_svc_127_0_0_1_${app.port} 127.0.0.1:${app.port} check`;
    await withMore(
      '  use_backend pool if { hdr(host) pool.example.com }',
      `\nbackend pool\n  ${[...lines, server].join('\n  ')}\n`,
    );
    world.serve('pool-svc', ['backend=custom', 'backend.name=pool'], { instances: [at(app)] });
    const load = startLoad(world, ['pool.example.com']);
    await world.converge(adopting);
    expect((await load.stop()).lost).to.deep.equal([]);
    const section = await world.section('backend', 'pool');
    expect(section).to.include.members(lines);
    expect(section.join('\n')).not.to.include('pool_svc_127');
    expect(section.filter((line) => line.includes('server nomad_pool-svc_'))).not.to.be.empty;
  });
});
