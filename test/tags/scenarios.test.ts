import { expect } from 'chai';

import type { CheckSpec } from '../../fixtures/nomad/types.js';
import { proofOf, isGated } from './cases.js';
import type { Echo } from './echo.js';
import { inRules, startWorld, until, type World } from './world.js';

const httpCheck = (path: string, more: Partial<CheckSpec> = {}): CheckSpec => {
  return { Type: 'http', Path: path, Interval: 1e9, Timeout: 1e9, ...more };
};

/** What happened to others, by name; through the whole connector. */
describe('scenarios of tags, checks and routes', function () {
  this.timeout(60_000);
  let world: World;

  before(async function () {
    this.timeout(300_000);
    world = await startWorld({ operator: '\nbackend pool\n  server own 127.0.0.1:9 disabled\n' });
  });
  after(() => world.close());
  afterEach(async () => {
    for (const { ID } of [...world.stack.nomad.state.read.jobs.values()]) {
      world.stack.nomad.stopJob({ ID, Namespace: 'default' }, { purge: true });
    }
    await world.converge();
  });

  const at = ({ address, port }: Echo) => ({ address, port });
  const statusOf = async (host: string): Promise<number> => (await world.ask(host)).status;
  const answered = (host: string, app: Echo) =>
    until(`${host} by ${app.name}`, async () => (await world.ask(host)).got?.app === app.name);
  /** Names of those that answer, once every one of them does. */
  const balanced = (host: string, apps: readonly Echo[]) =>
    until(`${host} by all`, async () => {
      const names = new Set<string>();
      for (let n = 0; n < 8; n++) names.add((await world.ask(host)).got?.app ?? 'nobody');
      return names.size === apps.length && apps.every(({ name }) => names.has(name));
    });

  it('S2: every domain tag becomes a route, and one that is taken away is no route any more', async () => {
    const app = await world.app('s2');
    const tags = ['domain=a.s2.io', 'domain=b.s2.io', 'domain=c.s2.io'];
    const web = world.serve('s2', tags, { instances: [at(app)] });
    await world.converge();
    for (const host of ['a.s2.io', 'b.s2.io', 'c.s2.io']) await answered(host, app);
    web.update((group) => ({
      ...group,
      Services: [
        { ...group.Services![0]!, Tags: ['haproxy.enable=true', 'haproxy.domain=b.s2.io'] },
      ],
    }));
    web.replaceInstance(web.allocs[0]!.ID, at(app));
    await world.converge();
    await answered('b.s2.io', app);
    expect([await statusOf('a.s2.io'), await statusOf('c.s2.io')]).to.deep.equal([404, 404]);
  });

  for (const mode of ['map', 'rules'] as const) {
    it(`S4: one of several servers left, and the domain's rule stays, in ${mode} mode`, async () => {
      const settings = mode === 'rules' ? inRules : undefined;
      const apps = [await world.app('s4-a'), await world.app('s4-b')];
      const web = world.serve('s4', ['domain=s4.io'], { instances: apps.map(at) });
      await world.converge(settings);
      await balanced('s4.io', apps);
      world.stack.nomad.stopAlloc(web.allocs[0]!.ID);
      await world.converge(settings);
      for (let n = 0; n < 4; n++) expect((await world.ask('s4.io')).got?.app).to.equal('s4-b');
      // The route goes with the service, not with its last instance.
      world.stack.nomad.stopAlloc(web.allocs[0]!.ID);
      await world.converge(settings);
      expect(await statusOf('s4.io')).to.equal(503);
      world.stack.nomad.removeService('s4');
      await world.converge(settings);
      expect(await statusOf('s4.io')).to.equal(404);
    });
  }

  it("S9: the job's check beats the domain's default, and tags beat both", async () => {
    const [spec, tag] = [await world.app('s9-spec'), await world.app('s9-tag')];
    spec.healthy = ({ url }) => url === '/spec';
    tag.healthy = ({ url }) => url === '/tag';
    const checks = [httpCheck('/spec')];
    world.serve('s9-spec', ['domain=spec.s9.io'], { instances: [at(spec)], checks });
    const tags = ['domain=tag.s9.io', 'check.path=/tag'];
    world.serve('s9-tag', tags, { instances: [at(tag)], checks });
    await world.converge();
    await answered('spec.s9.io', spec);
    await answered('tag.s9.io', tag);
  });

  it('S10: changed check tags reach the backend that is there', async () => {
    const app = await world.app('s10');
    app.healthy = ({ url }) => url === '/one';
    const web = world.serve('s10', ['domain=s10.io', 'check.path=/one'], { instances: [at(app)] });
    await world.converge();
    await answered('s10.io', app);
    const tags = ['haproxy.enable=true', 'haproxy.domain=s10.io', 'haproxy.check.path=/two'];
    web.update((group) => ({ ...group, Services: [{ ...group.Services![0]!, Tags: tags }] }));
    web.replaceInstance(web.allocs[0]!.ID, at(app));
    app.healthy = ({ url }) => url === '/two';
    await world.converge();
    await answered('s10.io', app);
    app.checks.splice(0);
    await until('checks', () => app.checks.length > 2);
    expect(app.checks.every(({ url }) => url === '/two')).to.equal(true);
  });

  it('S11: the check that was meant, by an app that wants its Host and headers', async () => {
    const app = await world.app('s11');
    app.healthy = ({ headers, url }) =>
      headers.host === 'crm.internal' && headers['x-probe'] === 'yes' && url === '/up';
    const Header = { Host: ['crm.internal'], 'X-Probe': ['yes'] };
    const checks = [httpCheck('/up', { Header })];
    world.serve('s11', ['domain=s11.example.com'], { instances: [at(app)], checks });
    await world.converge();
    await isGated(proofOf(world, 's11', [app]));
  });

  for (const mode of ['map', 'rules'] as const) {
    it(`S15: a regex domain is no exact one, and several domains never collide, in ${mode} mode`, async () => {
      const app = await world.app('s15');
      const regex = ['domain.type=regex', 'domain=^a\\d\\.s15\\.io$', 'domain=^a-\\d\\.s15\\.io$'];
      world.serve('s15-regex', regex, { instances: [at(app)] });
      // Sanitised, both would have one name.
      world.serve('s15', ['domain=a-1.s15.com', 'domain=a.1.s15.com'], { instances: [at(app)] });
      const { rest } = await world.converge(mode === 'rules' ? inRules : undefined);
      expect(rest.problems).to.deep.equal([]);
      for (const host of ['a1.s15.io', 'a-2.s15.io', 'a-1.s15.com', 'a.1.s15.com']) {
        await answered(host, app);
      }
      for (const host of ['a.s15.io', 'xa1.s15.io', 'ab1.s15.com']) {
        expect(await statusOf(host), host).to.equal(404);
      }
    });
  }

  it('S18: an unreadable job spec is not "no check": the last known one stays', async () => {
    const app = await world.app('s18');
    app.healthy = ({ url }) => url === '/deep';
    const checks = [httpCheck('/deep')];
    world.serve('s18', ['domain=s18.io'], { instances: [at(app)], checks });
    await world.converge();
    await answered('s18.io', app);
    const before = await world.section('backend', 'nomad_s18');
    const { faults } = world.stack.nomad;
    faults.unreadableJobs = ['s18'];
    const { rest, desired } = await world.pass();
    expect(rest.steps).to.deep.equal([]);
    expect(desired.warnings.map(({ code }) => code)).to.include('check-unreadable');
    expect(await world.section('backend', 'nomad_s18')).to.deep.equal(before);
    expect(await statusOf('s18.io')).to.equal(200);
    faults.unreadableJobs = [];
  });

  it("S18: so it does for servers in the operator's backend", async () => {
    const app = await world.app('s18-pool');
    world.serve('s18-pool', ['backend=custom', 'backend.name=pool', 'domain=pool.s18.io'], {
      instances: [at(app)],
      checks: [httpCheck('/', { Interval: 2e9 })],
    });
    await world.converge();
    await answered('pool.s18.io', app);
    const before = await world.section('backend', 'pool');
    expect(before.join('\n')).to.match(/server nomad_s18-pool_1 .* inter (2s|2000)/);
    const { faults } = world.stack.nomad;
    faults.unreadableJobs = ['s18-pool'];
    const { rest, desired } = await world.pass();
    faults.unreadableJobs = [];
    expect(rest.steps).to.deep.equal([]);
    expect(desired.warnings.map(({ code }) => code)).to.include('check-unreadable');
    expect(await world.section('backend', 'pool')).to.deep.equal(before);
  });

  it('S19: two versions with different check paths live side by side, and none is taken down', async () => {
    const [old, next] = [await world.app('s19-old'), await world.app('s19-new')];
    old.healthy = ({ url }) => url === '/v1';
    next.healthy = ({ url }) => url === '/v2';
    const web = world.serve('s19', ['domain=s19.io'], {
      instances: [at(old)],
      checks: [httpCheck('/v1')],
    });
    await world.converge();
    await answered('s19.io', old);
    web.update((group) => ({
      ...group,
      Services: [{ ...group.Services![0]!, Checks: [httpCheck('/v2')] }],
    }));
    web.addInstance(at(next));
    await world.converge();
    await balanced('s19.io', [old, next]);
    for (const app of [old, next]) app.checks.splice(0);
    await until('checks of both', () => old.checks.length > 3 && next.checks.length > 3);
    expect([...new Set(old.checks.map(({ url }) => url))]).to.deep.equal(['/v1']);
    expect([...new Set(next.checks.map(({ url }) => url))]).to.deep.equal(['/v2']);
    await balanced('s19.io', [old, next]);
    // A version that is really ill goes down all the same.
    next.healthy = () => false;
    await balanced('s19.io', [old]);
  });

  it("S22: the operator's lines are as they were, whatever comes and goes", async () => {
    await world.converge();
    const operators = async (): Promise<string[]> => {
      const text = await world.stack.configuration();
      const sections = text.split(/^(?=\S)/m).filter((one) => !/^backend nomad_|^# _/.test(one));
      return sections
        .join('')
        .split('\n')
        .filter((line) => !/nomad_/.test(line));
    };
    const before = await operators();
    const apps = [await world.app('s22-a'), await world.app('s22-b')];
    world.serve('s22', ['domain=s22.io', 'domain=*.s22.io', 'path=/x'], {
      instances: [at(apps[0]!)],
    });
    world.serve('s22-pool', ['backend=custom', 'backend.name=pool', 'domain=pool.s22.io'], {
      instances: [at(apps[1]!)],
    });
    await world.converge();
    await answered('pool.s22.io', apps[1]!);
    await world.converge(inRules);
    expect(await operators()).to.deep.equal(before);
    world.stack.nomad.removeService('s22');
    world.stack.nomad.removeService('s22-pool');
    await world.converge();
    expect(await operators()).to.deep.equal(before);
  });
});
