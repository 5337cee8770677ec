/** HAProxies that a real Nomad knows; skipped, loudly, where NOMAD_BIN names none. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy, type HaproxySeries } from '../../fixtures/haproxy/find.js';
import { appJob } from '../../fixtures/nomad/app-job.js';
import { nomadBin } from '../../fixtures/nomad/real.js';
import type { GroupSpec, JobSpec } from '../../fixtures/nomad/types.js';
import { freePort } from '../../fixtures/ports.js';
import type { Started } from '../../fixtures/process.js';
import {
  type Stack,
  domainOf,
  enabledTags,
  requestThrough,
  startStack,
} from '../../fixtures/stack.js';
import { until } from './helpers.js';

const service = 'haproxy-dataplane';
const long = { timeoutMs: 30_000 };

/** R8 */
describe('HAProxies that a real Nomad knows', function () {
  this.timeout(120_000);
  let stack: Stack;
  let other: DataPlane;
  let daemon: Started | undefined;
  let port: number;
  const get = async (path: string): Promise<string> =>
    fetch(`http://127.0.0.1:${port}${path}`).then(
      (answer) => answer.text(),
      () => '',
    );
  const isServed = async (dp: DataPlane, name: string): Promise<boolean> =>
    (await requestThrough(dp.frontendPort, domainOf(name), '/')).status === 200;
  const logged = (what: string): readonly string[] =>
    (daemon?.output() ?? '').split('\n').filter((line) => line.includes(what));

  before(async function () {
    if (nomadBin() === undefined) {
      process.stderr.write('SKIPPED: discovery with a real Nomad, because NOMAD_BIN is not set\n');
      this.skip();
    }
    this.timeout(300_000);
    stack = await startStack({ nomad: 'real', acl: true });
    const series = process.env['HAPROXY_SERIES'] as HaproxySeries | undefined;
    other = await startDataPlane({ haproxy: await findHaproxy(series) });
    await stack.agent.submit(appJob({ id: 'web', tags: enabledTags('web') }));
    await stack.agent.waitRunning('web', 1);
    daemon = await startDaemon();
  });
  after(async function () {
    this.timeout(60_000);
    await daemon?.stop();
    await other?.close();
    await stack?.close();
  });

  async function startDaemon(): Promise<Started> {
    const base = JSON.parse(await readFile(join(stack.dp.dirs.root, 'connector.json'), 'utf8')) as {
      readonly haproxy: object;
    };
    const discover = { service, job: 'haproxy', scheme: 'http' };
    const content = { ...base, haproxy: { ...base.haproxy, discover } };
    const file = join(stack.dp.dirs.root, 'discover.json');
    await writeFile(file, JSON.stringify(content), { mode: 0o600 });
    port = await freePort();
    const args = ['--config', file, '--http-listen', `127.0.0.1:${port}`];
    return stack.spawnConnector(args, { HAPROXY_DATAPLANE_URL: '' });
  }

  /** A task that stands for a Data Plane API, which listens on that port already. */
  function edge(name: string, url: string, version = 'v1'): GroupSpec {
    return {
      Name: name,
      Count: 1,
      Networks: [{ ReservedPorts: [{ Label: 'api', Value: Number(new URL(url).port) }] }],
      Services: [
        { Name: service, Provider: 'nomad', PortLabel: 'api', Tags: [`haproxy-name=${name}`] },
      ],
      Tasks: [
        {
          Name: 'api',
          Driver: 'raw_exec',
          Config: { command: 'sleep', args: ['3600'] },
          Env: { VERSION: version },
          Resources: { CPU: 20, MemoryMB: 20 },
        },
      ],
    };
  }

  function jobOf(id: string, ...groups: readonly GroupSpec[]): JobSpec {
    return { ID: id, Type: 'service', Datacenters: ['*'], TaskGroups: [...groups] };
  }

  it('are served from when they run, and count when none does', async () => {
    await until(async () => (await get('/readyz')).includes('no running allocation'), long);
    await stack.agent.submit(jobOf('haproxy', edge('edge-1', stack.dp.url)));
    await until(() => isServed(stack.dp, 'web'), long);
    await stack.agent.submit(
      jobOf('haproxy', edge('edge-1', stack.dp.url), edge('edge-2', other.url)),
    );
    await until(() => isServed(other, 'web'), long);
    await until(async () => (await get('/metrics')).includes('targets{state="in-sync"} 2'), long);
    expect(logged('HAProxy has joined')).to.have.length(2);
  });

  it('are refused where another job registers that name', async () => {
    const [one] = [await freePort()];
    await stack.agent.submit(jobOf('evil', edge('edge-3', `http://127.0.0.1:${one}`)));
    await until(() => logged('other-job').some((line) => line.includes('default/evil')), long);
    expect(await get('/metrics')).to.include('discovered{state="other-job"} 1');
    expect(await get('/metrics')).not.to.include('haproxy="edge-3"');
  });

  it('begin anew with each allocation, and keep their name', async () => {
    await stack.agent.submit(
      jobOf('haproxy', edge('edge-1', stack.dp.url), edge('edge-2', other.url, 'v2')),
    );
    await until(() => logged('HAProxy has joined').length === 3, long);
    expect(logged('HAProxy has left')).to.have.length(1);
    await until(async () => (await get('/metrics')).includes('targets{state="in-sync"} 2'), long);
    const all = logged('HAProxy has joined').filter((line) => line.includes('edge-2'));
    expect(new Set(all.map((line) => /"allocation":"([^"]+)"/.exec(line)?.[1])).size).to.equal(2);
    expect(await isServed(other, 'web')).to.equal(true);
  });

  it('leave with their group', async () => {
    await stack.agent.submit(jobOf('haproxy', edge('edge-1', stack.dp.url)));
    await until(async () => !(await get('/metrics')).includes('haproxy="edge-2"'), long);
    expect(await isServed(other, 'web')).to.equal(true);
    await until(async () => (await get('/readyz')).includes('"ok"'), long);
  });
});
