import { expect } from 'chai';

import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import type { Echo } from './echo.js';
import { type Change, inRules, startWorld, until, type World } from './world.js';

const pool = [
  'mode http',
  'balance leastconn',
  'option httpchk GET /status',
  'http-check send hdr Host legacy.internal',
  'http-check expect status 200',
  'http-response set-header X-Pool legacy',
];

const operator = `
backend legacy_web_backend
  ${pool.join('\n  ')}
  # Servers will be added by the connector

backend tcp_pool
  mode tcp
  server own 127.0.0.1:9 disabled

backend nomad_taken
  balance source
  option httpchk GET /taken

backend nomad_shared

backend constructor

backend __proto__

backend nomad_taken-tcp
  mode tcp
  server own 127.0.0.1:9 disabled
`;

/** Backends of the operator's: only our servers in them are ours. */
describe("custom backends and backends that aren't ours", function () {
  this.timeout(60_000);
  let world: World;

  before(async function () {
    this.timeout(300_000);
    world = await startWorld({
      operator,
      frontend: '  use_backend legacy_web_backend if { hdr(host) legacy.example.com }',
    });
  });
  after(() => world.close());
  afterEach(async () => {
    for (const { ID } of [...world.stack.nomad.state.read.jobs.values()]) {
      world.stack.nomad.stopJob({ ID, Namespace: 'default' }, { purge: true });
    }
    await world.converge();
  });

  const at = ({ address, port }: Echo) => ({ address, port });
  const asked = async (host: string): Promise<string> => {
    const { got, status } = await world.ask(host);
    return got?.app ?? `${status}`;
  };
  const both = (apps: readonly Echo[], host: string) =>
    until(
      `${host} by all`,
      async () => {
        const names = new Set<string>();
        for (let n = 0; n < 8; n++) names.add(await asked(host));
        return names.size === apps.length && apps.every(({ name }) => names.has(name));
      },
      // A server that comes out of maintenance is checked within one interval, of 10 s here.
      { timeoutMs: 20_000 },
    );
  /** The operator's lines in a backend. */
  const theirs = async (name: string): Promise<string[]> =>
    (await world.section('backend', name)).filter((line) => !/nomad_|^$/.test(line));

  describe('the published example of a custom backend', () => {
    let apps: Echo[];
    let legacy: ServiceHandle;
    let before: string[];

    beforeEach(async () => {
      before = await theirs('legacy_web_backend');
      apps = await Promise.all(['a', 'b', 'c'].map((name) => world.app(name)));
      for (const app of apps) {
        app.healthy = ({ url, headers }) => url === '/status' && headers.host === 'legacy.internal';
      }
      legacy = world.serve('legacy-web', ['backend=custom', 'backend.name=legacy_web_backend'], {
        instances: apps.slice(0, 2).map(at),
        checks: [{ Type: 'tcp', Interval: 10e9, Timeout: 3e9 }],
      });
      await world.converge();
    });

    it("joins the operator's backend, whose settings stay, and is checked by its check", async () => {
      expect(before).to.include.members(pool);
      expect(await theirs('legacy_web_backend')).to.deep.equal(before);
      await both(apps.slice(0, 2), 'legacy.example.com');
      const servers = (await world.section('backend', 'legacy_web_backend')).filter((line) =>
        line.startsWith('server nomad_legacy-web_'),
      );
      for (const line of servers) expect(line).to.match(/ check .*inter (10s|10000)/);
    });

    it('endpoints come and go without a reload', async () => {
      const worker = await world.stack.dp.haproxy.workerPid();
      await both(apps.slice(0, 2), 'legacy.example.com');
      legacy.addInstance(at(apps[2]!));
      world.stack.nomad.stopAlloc(legacy.allocs[0]!.ID);
      const { reloads } = await world.converge();
      expect(reloads).to.deep.equal([]);
      await both(apps.slice(1), 'legacy.example.com');
      expect(await world.stack.dp.haproxy.workerPid()).to.equal(worker);
    });

    it("and leaves the operator's lines as they were", async () => {
      world.stack.nomad.removeService('legacy-web');
      await world.converge();
      expect(await theirs('legacy_web_backend')).to.deep.equal(before);
      expect(await world.stack.configuration()).not.to.include('nomad_legacy');
    });
  });

  it('per-server settings of a check apply, the others warn', async () => {
    const app = await world.app('app');
    app.healthy = () => false;
    world.serve(
      'pooled',
      [
        'backend=custom',
        'backend.name=legacy_web_backend',
        'check.interval=50ms',
        'check.fall=2',
        'check.path=/mine',
      ],
      { instances: [at(app)] },
    );
    const { desired } = await world.converge();
    expect(desired.warnings.map(({ code, message }) => [code, /check\.path/.test(message)])).to.eql(
      [['ignored-tag', true]],
    );
    await until('checks', () => app.checks.length > 1);
    expect(app.checks[0]?.url).to.equal('/status');
    await until('DOWN', async () => (await asked('legacy.example.com')) === '503');
  });

  it('a custom backend that is not there is named, and served once the operator makes it', async () => {
    const app = await world.app('app');
    world.serve('early', ['backend=custom', 'backend.name=later', 'domain=later.example.com'], {
      instances: [at(app)],
    });
    const { rest } = await world.converge();
    expect(rest.skipped.map(({ code, reason }) => `${code}: ${reason}`)).to.deep.equal([
      "backend-conflict: backend later is not in HAProxy's configuration",
    ]);
    expect(await asked('later.example.com')).to.equal('404');
    const { body: version } = await world.stack.dp.send(
      'GET',
      '/v3/services/haproxy/configuration/version',
    );
    await world.stack.dp.send(
      'POST',
      `/v3/services/haproxy/configuration/backends?version=${version as number}&force_reload=true`,
      { name: 'later', mode: 'http' },
    );
    await world.converge();
    expect(await asked('later.example.com')).to.equal('app');
  });

  it('a backend may have a name that every object in JavaScript has', async () => {
    for (const name of ['constructor', '__proto__', 'valueOf']) {
      const app = await world.app(name);
      const number = name.length;
      const tags = ['backend=custom', `backend.name=${name}`, `domain=odd${number}.example.com`];
      world.serve(`odd-${number}`, tags, { instances: [at(app)] });
    }
    const { rest } = await world.converge();
    expect(rest.skipped.map(({ reason }) => reason)).to.deep.equal([
      "backend valueOf is not in HAProxy's configuration",
    ]);
    await both([{ name: 'constructor' } as Echo], 'odd11.example.com');
    await both([{ name: '__proto__' } as Echo], 'odd9.example.com');
  });

  for (const mode of ['map', 'rules'] as const) {
    it(`an http route to a backend of mode tcp is refused by name, in ${mode} mode`, async () => {
      const change: Change | undefined = mode === 'rules' ? inRules : undefined;
      const [bad, good] = [await world.app('bad'), await world.app('good')];
      world.serve('bad', ['backend=custom', 'backend.name=tcp_pool', 'domain=bad.example.com'], {
        instances: [at(bad)],
      });
      world.serve('good', ['domain=good.example.com'], { instances: [at(good)] });
      const { rest } = await world.converge(change);
      expect(rest.skipped.map(({ service, code }) => [service, code])).to.deep.equal([
        ['default/bad', 'backend-conflict'],
      ]);
      await until('good', async () => (await asked('good.example.com')) === 'good');
      expect(await theirs('tcp_pool')).to.include('server own 127.0.0.1:9 disabled');
    });
  }

  describe('a backend that has our name and is the operator’s', () => {
    const strategy = (
      backendStrategy: 'use_existing' | 'create_new' | 'fail_on_conflict',
    ): Change => {
      return (settings) => ({ ...settings, haproxy: { ...settings.haproxy, backendStrategy } });
    };

    it('use_existing: our servers only, for good', async () => {
      const app = await world.app('app');
      app.healthy = ({ url }) => url === '/taken';
      const before = await theirs('nomad_taken');
      world.serve('taken', ['domain=taken.example.com', 'check.path=/taken'], {
        instances: [at(app)],
      });
      await world.converge(strategy('use_existing'));
      await until('served', async () => (await asked('taken.example.com')) === 'app');
      expect((await world.pass(strategy('use_existing'))).steps).to.deep.equal([]);
      expect(await theirs('nomad_taken')).to.deep.equal(before);
      world.stack.nomad.removeService('taken');
      await world.converge(strategy('use_existing'));
      expect(await theirs('nomad_taken')).to.deep.equal(before);
      expect(await world.stack.configuration()).not.to.include('server nomad_taken_');
    });

    it("use_existing: our servers weigh as much as the operator's", async () => {
      const [app, own] = [await world.app('app'), await world.app('own')];
      const { body: version } = await world.stack.dp.send(
        'GET',
        '/v3/services/haproxy/configuration/version',
      );
      await world.stack.dp.send(
        'POST',
        `/v3/services/haproxy/configuration/backends/nomad_shared/servers?version=${version as number}&force_reload=true`,
        { name: 'own', address: own.address, port: own.port },
      );
      world.serve('shared', ['domain=shared.example.com'], { instances: [at(app)] });
      await world.converge(strategy('use_existing'));
      await both([app, own], 'shared.example.com');
      const names: string[] = [];
      for (let n = 0; n < 20; n++) names.push(await asked('shared.example.com'));
      expect(names.filter((name) => name === 'own')).to.have.length(10);
    });

    it('use_existing of another mode is an error of that service only', async () => {
      const app = await world.app('app');
      world.serve('taken-tcp', ['domain=tt.example.com'], { instances: [at(app)] });
      const { rest } = await world.converge(strategy('use_existing'));
      expect(rest.skipped.map(({ reason }) => reason)).to.deep.equal([
        "backend nomad_taken-tcp already exists and is not the connector's; its mode is tcp, not http",
      ]);
    });

    it('create_new: a conflict of that service only', async () => {
      const app = await world.app('app');
      world.serve('taken', ['domain=taken.example.com'], { instances: [at(app)] });
      world.serve('free', ['domain=free.example.com'], { instances: [at(app)] });
      const { rest } = await world.converge(strategy('create_new'));
      expect(rest.skipped.map(({ code }) => code)).to.deep.equal(['backend-conflict']);
      await until('served', async () => (await asked('free.example.com')) === 'app');
      expect(await asked('taken.example.com')).to.equal('404');
    });

    it('fail_on_conflict: nothing is done, by tag or by setting', async () => {
      const app = await world.app('app');
      world.serve('taken', ['domain=taken.example.com'], { instances: [at(app)] });
      world.serve('free', ['domain=free.example.com'], { instances: [at(app)] });
      const error = await world.pass(strategy('fail_on_conflict')).catch((cause: unknown) => cause);
      expect(error).to.have.property('code', 'conflict-strategy');
      expect(error).to.have.property('message').that.includes('nomad_taken');
      expect(await asked('free.example.com')).to.equal('404');
    });

    it('static: nothing of it is read or written', async () => {
      const app = await world.app('app');
      const before = await world.stack.configuration();
      world.serve('taken', ['backend=static', 'domain=taken.example.com'], {
        instances: [at(app)],
      });
      const { steps } = await world.converge(strategy('fail_on_conflict'));
      expect(steps).to.deep.equal([]);
      expect(await world.stack.configuration()).to.equal(before);
    });
  });

  describe('the published examples of dynamic backends', () => {
    it('a static port, with an exact, a prefix and a regex domain', async () => {
      const app = await world.app('app');
      const { job, ...static_ } = {
        job: {},
        group: {
          Networks: [{ ReservedPorts: [{ Label: 'http', Value: app.port }] }],
        },
      };
      expect(job).to.be.empty;
      const forms = [
        ['crm-exact', 'crm.example.net', 'exact', ['crm.example.net'], ['x.crm.example.net']],
        ['crm-prefix', 'crm-', 'prefix', ['crm-1.example.net'], ['xcrm-1.example.net']],
        ['crm-regex', '^crm\\d+\\.example\\.net$', 'regex', ['crm7.example.net'], ['crm.example']],
      ] as const;
      for (const [name, domain, type] of forms) {
        const tags = ['backend=dynamic', `domain=${domain}`, `domain.type=${type}`];
        world.serve(name, [...tags, 'check.path=/health'], {
          instances: [at(app)],
          ...static_,
          checks: [{ Type: 'http', Path: '/health', Interval: 10e9, Timeout: 3e9 }],
        });
      }
      app.healthy = ({ url }) => url === '/health';
      await world.converge();
      for (const [, , , found, left] of forms) {
        for (const host of found) await until(host, async () => (await asked(host)) === 'app');
        for (const host of left) expect(await asked(host), host).to.equal('404');
      }
    });

    it('check.path, check.host and check.method', async () => {
      const app = await world.app('app');
      app.healthy = ({ method, url, headers }) =>
        method === 'HEAD' && url === '/health' && headers.host === 'api.internal';
      const tags = ['check.path=/health', 'check.method=HEAD', 'check.host=api.internal'];
      world.serve('api-service', [...tags, 'domain=api.example.com'], { instances: [at(app)] });
      await world.converge();
      await until('served', async () => (await asked('api.example.com')) === 'app');
    });

    it('check.disabled, written without a value', async () => {
      const app = await world.app('app');
      app.healthy = () => false;
      world.serve('bare', ['check.disabled', 'check.path=/x', 'domain=bare.example.com'], {
        instances: [at(app)],
      });
      const { rest } = await world.converge();
      expect(rest.skipped).to.deep.equal([]);
      expect(await asked('bare.example.com')).to.equal('app');
    });
  });
});
