import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';
import { stringify } from 'yaml';

import { watchRoutes, type RouteFolder } from '../../src/routes/folder.js';
import type { Echo } from '../tags/echo.js';
import { startWorld, until, type World } from '../tags/world.js';

const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => logger,
} as unknown as Parameters<typeof watchRoutes>[1]['logger'];

/** R2.9: a second source of desired state beside Nomad. */
describe('route files', function () {
  this.timeout(60_000);
  let world: World;
  let directory: string;
  let folder: RouteFolder;
  let apps: Echo[];

  before(async function () {
    this.timeout(300_000);
    world = await startWorld();
    apps = [await world.app('a'), await world.app('b')];
  });
  after(() => world.close());
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hnc-routes-'));
    folder = watchRoutes(directory, { logger });
  });
  afterEach(async () => {
    for (const { ID } of [...world.stack.nomad.state.read.jobs.values()]) {
      world.stack.nomad.stopJob({ ID, Namespace: 'default' }, { purge: true });
    }
    await world.converge();
    await rm(directory, { recursive: true, force: true });
  });

  const target = ({ address, port }: Echo): string => `${address}:${port}`;
  const write = (name: string, content: unknown): Promise<void> =>
    writeFile(join(directory, name), typeof content === 'string' ? content : stringify(content));
  /** A pass of a process that has read the folder before; a new process after `restart`. */
  const passes = () =>
    world.stack.passes({ settings: () => world.settings, routeFiles: () => folder.current() });
  const restart = (): void => {
    folder = watchRoutes(directory, { logger });
  };
  const asked = async (host: string): Promise<string> => {
    const { got, status } = await world.ask(host);
    return got?.app ?? `${status}`;
  };
  const answers = (host: string, wanted: string) =>
    until(`${wanted} for ${host}`, async () => (await asked(host)) === wanted);

  it('come, change and go, each in one pass, with the vocabulary of the tags', async () => {
    const connector = passes();
    apps[0]!.healthy = ({ url }) => url === '/up';
    await write('legacy.yaml', {
      domains: ['Legacy.example.com', '*.legacy.example.com'],
      targets: [target(apps[0]!)],
      check: { path: '/up' },
      'response-header': { set: ['X-From: file'] },
    });
    const added = await connector.run();
    expect(added.reloads).to.have.lengthOf(1);
    await answers('legacy.example.com', 'a');
    expect((await world.ask('x.legacy.example.com:80')).headers['x-from']).to.equal('file');
    apps[0]!.healthy = () => true;

    const targets = [{ address: apps[1]!.address, port: apps[1]!.port, weight: 50 }];
    await write('legacy.yaml', {
      domains: ['legacy.example.com'],
      targets,
      check: { path: '/up' },
    });
    await connector.run();
    await answers('legacy.example.com', 'b');

    await rm(join(directory, 'legacy.yaml'));
    await connector.run();
    expect(await asked('legacy.example.com')).to.equal('404');
    expect(await world.stack.configuration()).not.to.include('legacy');
  });

  it('JSON is read too', async () => {
    const content = { domains: 'json.example.com', targets: target(apps[0]!) };
    await write('json.json', JSON.stringify(content));
    await passes().run();
    await answers('json.example.com', 'a');
  });

  it('a bad file is named, its last good state stays, and the others are served', async () => {
    const connector = passes();
    await write('one.yaml', { domains: ['one.example.com'], targets: [target(apps[0]!)] });
    await write('two.yaml', { domains: ['two.example.com'], targets: [target(apps[1]!)] });
    await connector.run();
    // Else it could still wait for its first check when it is asked below.
    await answers('one.example.com', 'a');
    await write('one.yaml', 'domains: [one.example.com\n');
    await write('two.yaml', { domains: ['two.example.com'], targets: [target(apps[0]!)] });
    await write('never.yaml', { domains: ['bad domain'], targets: [target(apps[0]!)] });
    const { rest } = await connector.run();
    expect(rest.skipped.map(({ service, code }) => [service, code])).to.deep.equal([
      ['file:never', 'invalid-route-file'],
      ['file:one', 'invalid-route-file'],
    ]);
    expect(rest.skipped[0]?.reason).to.include('bad domain').and.include('a host name');
    expect(await asked('one.example.com')).to.equal('a');
    await answers('two.example.com', 'a');
  });

  it('a restart with a bad file keeps what stands in HAProxy', async () => {
    await write('keep.yaml', { domains: ['keep.example.com'], targets: [target(apps[0]!)] });
    await passes().run();
    await answers('keep.example.com', 'a');
    await write('keep.yaml', 'targets: nowhere\n');
    restart();
    const { rest, steps } = await passes().run();
    expect([rest.skipped.map(({ service }) => service), steps]).to.deep.equal([['file:keep'], []]);
    expect(await asked('keep.example.com')).to.equal('a');
  });

  it("a claim beats Nomad's, and gives way when it goes", async () => {
    const connector = passes();
    world.serve('nomad', ['domain=claimed.example.com', 'domain=free.example.com'], {
      instances: [{ address: apps[0]!.address, port: apps[0]!.port }],
    });
    await connector.run();
    await answers('claimed.example.com', 'a');
    await write('claim.yaml', { domains: ['claimed.example.com'], targets: [target(apps[1]!)] });
    const { desired } = await connector.run();
    await answers('claimed.example.com', 'b');
    expect(await asked('free.example.com')).to.equal('a');
    expect(desired.warnings.map(({ message }) => message)).to.deep.equal([
      'domain claimed.example.com belongs to the route file claim',
    ]);
    await rm(join(directory, 'claim.yaml'));
    await connector.run();
    expect(await asked('claimed.example.com')).to.equal('a');
  });

  it('a folder that cannot be read is an error and removes nothing', async () => {
    const connector = passes();
    await write('stays.yaml', { domains: ['stays.example.com'], targets: [target(apps[0]!)] });
    await connector.run();
    await answers('stays.example.com', 'a');
    await rm(directory, { recursive: true });
    const error = await connector.run().catch((cause: unknown) => cause);
    expect(error).to.have.property('code', 'routes-unreadable');
    restart();
    const again = await passes()
      .run()
      .catch((cause: unknown) => cause);
    expect(again).to.have.property('code', 'routes-unreadable');
    expect(await asked('stays.example.com')).to.equal('a');
  });

  it('the daemon watches them', async () => {
    const args = ['--config', join(directory, '..', `hnc-${Date.now()}.yaml`)];
    await writeFile(
      args[1]!,
      stringify({
        routes: { directory },
        http: { listen: 'off' },
        sync: { resync_interval: '1h' },
      }),
    );
    const daemon = await world.stack.spawnConnector(args);
    await until('started', () => daemon.output().includes('started'), { process: daemon });
    await write('.draft.tmp', 'not yet');
    await write('watched.yaml', { domains: ['watched.example.com'], targets: [target(apps[0]!)] });
    await answers('watched.example.com', 'a');
    await rm(join(directory, 'watched.yaml'));
    await answers('watched.example.com', '404');
    await daemon.stop('SIGTERM');
    await rm(args[1]!);
  });

  describe('by commands', () => {
    const run = (...args: string[]) =>
      world.stack.run(['route', ...args, '--directory', directory]);

    it('add, list, remove', async () => {
      const domains = ['--domain', 'Cli.example.com', '--domain', '*.cli.example.com'];
      const added = await run(
        'add',
        ...domains,
        '--target',
        target(apps[0]!),
        '--check-path',
        '/up',
      );
      expect(added.code, added.stderr).to.equal(0);
      expect(await readdir(directory)).to.deep.equal(['cli.example.com.yaml']);
      await passes().run();
      await answers('cli.example.com', 'a');
      expect(apps[0]!.checks.at(-1)).to.include({ url: '/up' });

      await write('broken.yaml', 'x: 1');
      const listed = await run('list');
      expect(listed.stdout).to.match(/^broken {2}bad: .*\ncli\.example\.com {2}cli\.example\.com /);
      const asJson = await run('list', '--output', 'json');
      expect((JSON.parse(asJson.stdout) as object[])[1]).to.deep.equal({
        name: 'cli.example.com',
        domains: ['cli.example.com', '*.cli.example.com'],
        targets: [target(apps[0]!)],
      });

      const removed = await run('remove', '--domain', 'CLI.example.com');
      expect(removed.code, removed.stderr).to.equal(0);
      expect(await readdir(directory)).to.deep.equal(['broken.yaml']);
      expect((await run('remove', 'broken')).code).to.equal(0);
      await passes().run();
      expect(await asked('cli.example.com')).to.equal('404');
    });

    it('what is not allowed is refused with 64, and nothing is written', async () => {
      const bad = [
        ['add', '--domain', 'a b', '--target', '10.0.0.1:80'],
        ['add', '--domain', 'a.example.com', '--target', 'nowhere'],
        ['add', '--domain', 'a.example.com', '--target', 'host.example.com:80'],
        ['add', '--domain', 'a.example.com', '--target', '10.0.0.1:80', '--check-path', '/a b'],
        ['remove', '--domain', 'nobody.example.com'],
        ['remove'],
      ];
      const results = await Promise.all(bad.map((args) => run(...args)));
      expect(results.map(({ code }) => code)).to.deep.equal(bad.map(() => 64));
      expect(await readdir(directory)).to.deep.equal([]);
    });
  });
});
