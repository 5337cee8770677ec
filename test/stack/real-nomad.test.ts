/** The main job with a real Nomad; skipped, loudly, where NOMAD_BIN names none. */

import { expect } from 'chai';

import { appJob } from '../../fixtures/nomad/app-job.js';
import { nomadBin } from '../../fixtures/nomad/real.js';
import { waitFor } from '../../fixtures/process.js';
import { type Stack, domainOf, enabledTags, startStack } from '../../fixtures/stack.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { createServerInfo } from '../../src/telemetry/server-info.js';
import { until } from './helpers.js';

interface Alloc {
  readonly ID: string;
  readonly JobVersion: number;
  readonly NodeName: string;
  readonly TaskGroup: string;
}

describe('the loop, with a real Nomad', () => {
  let stack: Stack;
  let connector: Connector;
  const long = { timeoutMs: 30_000 };
  const deploy = (version: string, count = 2): Promise<unknown> =>
    stack.agent.submit(
      appJob({ id: 'web', version, count, tags: enabledTags('web'), shutdownDelayMs: 1000 }),
    );
  const answers = async (): Promise<string> => {
    const { status, body } = await stack.request(domainOf('web'));
    return status === 200 ? body : String(status);
  };

  before(async function () {
    if (nomadBin() === undefined) {
      process.stderr.write('SKIPPED: the loop with a real Nomad, because NOMAD_BIN is not set\n');
      this.skip();
    }
    this.timeout(300_000);
    stack = await startStack({ nomad: 'real' });
  });
  after(async function () {
    this.timeout(60_000);
    await stack?.close();
  });

  it('S1: a job that ran before is routed', async () => {
    await deploy('v1');
    await stack.agent.waitRunning('web', 2);
    connector = stack.connector();
    await until(async () => (await answers()) === 'v1', long);
    await connector.waitConverged();
  });

  it('server_info says which allocation stands behind each server', async () => {
    const metric = createServerInfo(['default']);
    metric.succeeded(await connector.waitSettled());
    const allocs = await stack.agent.request<readonly Alloc[]>('GET', '/v1/allocations');
    const series = metric.text().split('\n');
    for (const { ID, JobVersion, NodeName, TaskGroup } of allocs) {
      const labels =
        `namespace="default",service="web",nomad_job="web",job_version="${JobVersion}",` +
        `task_group="${TaskGroup}",alloc_id="${ID}",node="${NodeName}"} 1`;
      expect(
        series.filter((line) => line.endsWith(labels)),
        metric.text(),
      ).to.have.length(1);
    }
    expect(allocs).to.have.length(2);
  });

  it('a rolling update loses no request, and reloads nothing', async () => {
    await connector.waitSettled();
    const worker = await stack.dp.haproxy.workerPid();
    const seen = new Map<string, number>();
    let going = true;
    const load = (async () => {
      while (going) {
        const answer = await answers();
        seen.set(answer, (seen.get(answer) ?? 0) + 1);
      }
    })();
    await deploy('v2');
    expect(await stack.agent.waitDeployed('web')).to.equal('successful');
    await until(
      async () => (await Promise.all([1, 2, 3, 4].map(answers))).join() === 'v2,v2,v2,v2',
      long,
    );
    going = false;
    await load;
    expect([...seen.keys()].sort()).to.deep.equal(['v1', 'v2']);
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
  });

  it('R4.2: a backend that is made before its instances come has spare slots too', async () => {
    const before = connector.results.length;
    const job = { id: 'slow', count: 3, startDelayMs: 1000, tags: enabledTags('slow') };
    await stack.agent.submit(appJob(job));
    expect(await stack.agent.waitDeployed('slow')).to.equal('successful');
    const servers = await waitFor(
      'three servers that are UP',
      async () => {
        const all = await stack.loadedServers('nomad_slow');
        return all.filter(({ admin, up }) => admin === 'ready' && up).length === 3
          ? all
          : undefined;
      },
      long,
    );
    expect(servers).to.have.length(6);
    const reloads = connector.results.slice(before).flatMap((result) => result.reloads);
    expect(reloads).to.deep.equal(['new-backend']);
    await stack.agent.stopJob('slow', { purge: true });
    await until(async () => !(await stack.configuration()).includes('backend nomad_slow'), long);
  });

  it('a job is scaled to what its scaling block allows without a reload', async () => {
    const job = { id: 'wide', count: 1, scalesTo: 10, tags: enabledTags('wide') };
    await stack.agent.submit(appJob(job));
    const serving = async (): Promise<number> => {
      const all = await stack.loadedServers('nomad_wide');
      return all.filter(({ admin, up }) => admin === 'ready' && up).length;
    };
    await until(async () => (await serving()) === 1, long);
    await connector.waitSettled();
    const worker = await stack.dp.haproxy.workerPid();
    await stack.agent.scaleJob('wide', 'wide', 10);
    await until(async () => (await serving()) === 10, { timeoutMs: 60_000 });
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
    await stack.agent.stopJob('wide', { purge: true });
    await until(async () => !(await stack.configuration()).includes('backend nomad_wide'), long);
  });

  it('an allocation that is restarted stays routed', async () => {
    const [alloc] = await stack.agent.waitRunning('web', 2);
    await stack.agent.restartAlloc(alloc!.ID);
    await stack.agent.waitRunning('web', 2);
    await until(async () => (await connector.waitConverged()).plan.steps.length === 0, long);
    await stack.waitServed(domainOf('web'));
  });

  it('a job that is stopped and purged is gone, with its backend', async () => {
    await stack.agent.stopJob('web', { purge: true });
    await until(async () => (await answers()) === '404', long);
    await until(async () => !(await stack.configuration()).includes('backend nomad_web'), long);
    expect(connector.failures.map(({ message }) => message)).to.deep.equal([]);
  });

  it('R6.2: a job that is purged while no connector runs is gone after the next run', async () => {
    await connector.stop();
    const job = { id: 'shop', service: 'late', tags: enabledTags('late') };
    await stack.agent.submit(appJob(job));
    await stack.agent.waitDeployed('shop');
    const passes = stack.passes();
    await until(async () => {
      await passes.run();
      return (await stack.request(domainOf('late'))).status === 200;
    }, long);
    await stack.agent.stopJob('shop', { purge: true });
    const later = stack.passes();
    await until(async () => {
      const { rest } = await later.run();
      return rest.steps.length === 0 && rest.held === undefined;
    }, long);
    expect(await stack.configuration()).not.to.include('backend nomad_late');
  });
});
