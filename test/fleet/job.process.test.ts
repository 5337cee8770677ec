/**
 * The job files of HAProxy, as Nomad's own command reads them, and their seed, as HAProxy does. The one
 * that runs in containers isn't run by a test, so it must be the one that is, but for its driver.
 */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect } from 'chai';

import { findHaproxy } from '../../fixtures/haproxy/find.js';
import { nomadBin } from '../../fixtures/nomad/real.js';
import { deployFolder, type HaproxyJob, readJob, validateJob } from './job.js';

const files = [
  'haproxy.nomad.hcl',
  'haproxy-raw-exec.nomad.hcl',
  'haproxy-with-connector.nomad.hcl',
] as const;

/** What depends on the driver: how a program is called, where its files are, and its ports. */
const ofDriver = new Set(['Driver', 'Config', 'Env', 'Networks']);

type Fields = Readonly<Record<string, unknown>>;

function withoutDriver(job: HaproxyJob): Fields {
  return JSON.parse(
    JSON.stringify(job, (key, value: unknown) => (ofDriver.has(key) ? undefined : value)),
  ) as Fields;
}

/** All but what makes one its own: its services, the Data Plane API's listener, the connector. */
function shared(job: HaproxyJob): unknown {
  const tasks = job.TaskGroups.flatMap(({ Tasks }) => Tasks);
  const [group] = job.TaskGroups as unknown as readonly Fields[];
  return {
    ...{ ...job, TaskGroups: undefined },
    group: { ...group, Tasks: undefined, Services: undefined, Networks: undefined },
    tasks: tasks.filter(({ Name }) => Name === 'seed' || Name === 'haproxy'),
  };
}

describe('the job files of HAProxy', function () {
  this.timeout(60_000);
  let read: Readonly<Record<(typeof files)[number], HaproxyJob>>;

  before(async function () {
    const bin = nomadBin();
    if (bin === undefined) {
      process.stderr.write('SKIPPED: the job files of HAProxy, because NOMAD_BIN is not set\n');
      return this.skip();
    }
    const jobs = await Promise.all(files.map(async (file) => [file, await readJob(bin, file)]));
    read = Object.fromEntries(jobs) as typeof read;
  });

  for (const file of [...files, 'fleet-connectors.nomad.hcl']) {
    it(`${file} is valid`, async () => {
      expect(await validateJob(nomadBin()!, file)).to.include('Job validation successful');
    });
  }

  it('the one for containers is the one that the fleet runs', () => {
    expect(withoutDriver(read['haproxy.nomad.hcl'])).to.deep.equal(
      withoutDriver(read['haproxy-raw-exec.nomad.hcl']),
    );
  });

  it('the one with a connector is the one without, and a connector', () => {
    expect(shared(read['haproxy-with-connector.nomad.hcl'])).to.deep.equal(
      shared(read['haproxy.nomad.hcl']),
    );
  });
});

describe('the seed of HAProxy', function () {
  this.timeout(60_000);
  let folder = '';
  const at = (name: string): string => join(folder, name);
  const run = promisify(execFile);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'seed-'));
    mkdirSync(at('alloc/data'), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function seed(text: string): Promise<void> {
    writeFileSync(at('given.cfg'), text);
    const env = {
      PATH: process.env['PATH'],
      HAPROXY_HOME: at('home'),
      NOMAD_ALLOC_DIR: at('alloc'),
    };
    await run('/bin/sh', [join(deployFolder, 'haproxy/seed.sh'), at('given.cfg')], { env });
  }
  const has = (name: string): string => readFileSync(at(`home/${name}`), 'utf8');
  const write = (name: string, text: string): void => writeFileSync(at(`home/${name}`), text);

  it('is what HAProxy accepts', async () => {
    const template = readFileSync(join(deployFolder, 'haproxy/haproxy.cfg.tpl'), 'utf8');
    await seed(
      template
        .replace(/^\{\{- with [^]*?^\{\{- end \}\}\n/m, '')
        .replaceAll('{{ env "HAPROXY_HOME" }}', at('home')),
    );
    const { bin } = await findHaproxy();
    const env = { ...process.env, NOMAD_PORT_http: '8000', NOMAD_PORT_health: '8404' };
    const { stderr } = await run(bin, ['-c', '-f', at('home/haproxy.cfg')], { env });
    expect(stderr).not.to.include('[WARNING]');
  });

  it('is copied to an empty disk, and not over what the allocation before left', async () => {
    await seed('one');
    expect([has('haproxy.cfg'), has('was_ready.map')]).to.deep.equal(['one', '']);
    write('haproxy.cfg', 'one, with routes');
    write('maps/nomad_ready.map', 'ready yes\n');
    await seed('one');
    expect(has('haproxy.cfg')).to.equal('one, with routes');
    expect(has('was_ready.map')).to.equal('ready yes\n');
    expect(has('maps/nomad_ready.map')).to.equal('');
  });

  it('stays fit for traffic where no connector came in between', async () => {
    await seed('one');
    write('maps/nomad_ready.map', 'ready yes\n');
    await seed('one');
    await seed('one');
    expect(has('was_ready.map')).to.equal('ready yes\n');
  });

  it('is copied where it has changed, and gets no traffic until it is filled', async () => {
    await seed('one');
    write('maps/nomad_ready.map', 'ready yes\n');
    await seed('two');
    expect([has('haproxy.cfg'), has('was_ready.map')]).to.deep.equal(['two', '']);
  });
});
