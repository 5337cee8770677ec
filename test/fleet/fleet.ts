/**
 * `npm run test:fleet`: HAProxy as a Nomad job on three nodes, two connectors with a lock, under load. Each
 * step must lose no request; at the end a table of them as Markdown, also in the file FLEET_OUT. Takes
 * minutes, so it isn't part of `npm test`; skipped, loudly, where NOMAD_BIN names no Nomad.
 */

import { writeFile } from 'node:fs/promises';

import { expect } from 'chai';

import { type AppJob, appJob } from '../../fixtures/nomad/app-job.js';
import { nomadBin } from '../../fixtures/nomad/real.js';
import { waitFor } from '../../fixtures/process.js';
import { domainOf, enabledTags } from '../../fixtures/stack.js';
import {
  type Balancer,
  type Count,
  type Edge,
  type FleetLoad,
  isHealthy,
  send,
  startBalancer,
  startFleetLoad,
} from './balancer.js';
import { edgeNames, type Fleet, startFleet } from './world.js';

interface Row extends Count {
  readonly step: string;
  readonly seconds: number;
}

const patient = { timeoutMs: 120_000, intervalMs: 100 };

describe('a fleet under load', function () {
  this.timeout(400_000);
  const rows: Row[] = [];
  let fleet: Fleet;
  let balancer: Balancer;
  let load: FleetLoad;
  /** Of the app, as last deployed: each step can run alone. */
  let current = 'v1';

  before(async function () {
    if (nomadBin() === undefined) {
      process.stderr.write('SKIPPED: the fleet, because NOMAD_BIN is not set\n');
      this.skip();
    }
    fleet = await startFleet();
    process.stderr.write(`fleet: ${fleet.parts.join('\n       ')}\n`);
    // The connectors first: the first deployment of the HAProxies waits for them.
    await fleet.startConnector('first');
    await fleet.startConnector('second');
    await deployApp('v1');
    expect(await fleet.deployHaproxies('1')).to.equal('successful');
    balancer = startBalancer(fleet.agent);
    await waitFor('all HAProxies', () => balancer.rotation().length === edgeNames.length, patient);
    await waitAll('web', current);
    load = startFleetLoad(balancer, domainOf('web'));
  });
  after(async () => {
    await load?.stop();
    await balancer?.close();
    if (rows.length > 0) await report(rows, fleet.parts);
    await fleet?.close();
  });

  /** What was lost from the beginning of the work until its end. */
  async function step(name: string, work: () => Promise<void>): Promise<void> {
    load.take();
    const since = performance.now();
    let error: unknown;
    await work().catch((cause: unknown) => (error = cause));
    const count = load.take();
    rows.push({ step: name, seconds: (performance.now() - since) / 1000, ...count });
    if (error !== undefined) throw error as Error;
    expect(count.failed.slice(0, 5)).to.deep.equal([]);
    expect(count.sent).to.be.greaterThan(0);
  }

  async function deployApp(version: string, more: Partial<AppJob> = {}): Promise<void> {
    current = version;
    const tags = enabledTags('web');
    const app = { id: 'web', version, count: 3, tags, shutdownDelayMs: 2000, ...more };
    await fleet.agent.submit(appJob(app));
    expect(await fleet.agent.waitDeployed('web', patient.timeoutMs)).to.equal('successful');
  }

  async function waitAll(service: string, answer: string): Promise<void> {
    const answers = async ({ port }: Edge): Promise<boolean> => {
      const { body } = await send({ port, path: '/', host: domainOf(service), agent: false });
      return body === answer;
    };
    await waitFor(
      `${answer} of ${service} from all HAProxies`,
      async () => (await Promise.all(balancer.rotation().map(answers))).every(Boolean),
      patient,
    );
  }

  async function waitRotation(names: readonly string[]): Promise<void> {
    const now = (): string[] => balancer.rotation().map(({ name }) => name);
    await waitFor(
      `${names.join(', ')} in rotation`,
      () => now().sort().join() === [...names].sort().join(),
      patient,
    );
  }

  it('a rolling deploy of the app', () =>
    step('rolling deploy of the app', async () => {
      await deployApp('v2');
      await waitAll('web', current);
    }));

  it('a new service', () =>
    step('a new service', async () => {
      await fleet.agent.submit(appJob({ id: 'shop', version: 's1', tags: enabledTags('shop') }));
      await waitAll('shop', 's1');
    }));

  it('the app is scaled up and down', () =>
    step('scale 3, 6, 3', async () => {
      await deployApp(current, { count: 6 });
      await waitAll('web', current);
      await deployApp(current, { count: 3 });
      await waitAll('web', current);
    }));

  it('HAProxy refuses a service: the others go on', () =>
    step('a configuration that HAProxy refuses', async () => {
      const tags = [...enabledTags('bad'), 'haproxy.rate-limit=100/1m'];
      const { url } = await fleet.leader();
      const before = await refusalsOf(url, 'edge-2');
      await fleet.agent.submit(appJob({ id: 'bad', version: 'b1', tags }));
      await waitFor(
        'the service to be skipped',
        async () => {
          const text = await (await fetch(`${url}/metrics`)).text();
          return /skipped[^\n]*rejected-by-haproxy[^\n]* [1-9]/.test(text);
        },
        patient,
      );
      // The canary of the same version refused it, so it was never sent to this one.
      expect(await refusalsOf(url, 'edge-2')).to.equal(before);
      await fleet.agent.submit(appJob({ id: 'late', version: 'l1', tags: enabledTags('late') }));
      await waitAll('late', 'l1');
      for (const name of edgeNames) {
        expect(await fleet.file(name, 'haproxy.cfg')).not.to.include('backend nomad_bad');
      }
      await fleet.agent.stopJob('bad');
    }));

  it('a rolling update of the HAProxies', () =>
    step('rolling update of the HAProxies', async () => {
      const before = balancer.rotation().map(({ allocation }) => allocation);
      expect(await fleet.deployHaproxies('2')).to.equal('successful');
      await waitRotation(edgeNames);
      const now = balancer.rotation();
      expect(now.filter(({ allocation }) => before.includes(allocation))).to.deep.equal([]);
      // What the allocations before left on the disks.
      for (const name of edgeNames) {
        expect(await fleet.file(name, 'was_ready.map')).to.match(/^ready /m);
      }
      await waitFor(
        'all to be ready',
        async () =>
          (await Promise.all(now.map((edge) => isHealthy(edge, '/ready')))).every(Boolean),
        patient,
      );
      await waitAll('web', current);
    }));

  it('the leader is killed', () =>
    step('leader killed, and a deploy meanwhile', async () => {
      const leader = await fleet.leader();
      await leader.program.stop('SIGKILL');
      // Until another leads, HAProxy has the old instances only: the last of them must last that long.
      await deployApp('v3', { update: { MinHealthyTime: 10_000_000_000 } });
      await waitAll('web', current);
      expect((await fleet.leader()).name).not.to.equal(leader.name);
    }));

  it('a node is drained and comes back', () =>
    step('node drain and return', async () => {
      await fleet.drain('edge-2');
      await waitRotation(['edge-1', 'edge-3']);
      await waitAll('web', current);
      await fleet.undrain('edge-2');
      await waitRotation(edgeNames);
      await waitAll('web', current);
    }));
});

/** How often the Data Plane API of that HAProxy refused something, by the connector's count. */
async function refusalsOf(url: string, haproxy: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text
    .split('\n')
    .find((one) => /requests_total\{/.test(one) && one.includes('4xx') && one.includes(haproxy));
  return Number(line?.split(' ').at(-1) ?? Number.NaN);
}

async function report(rows: readonly Row[], parts: readonly string[]): Promise<void> {
  const cells = rows.map(({ step, seconds, sent, bySent, failed }) => {
    const each = Object.entries(bySent)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name} ${count}`);
    return `| ${step} | ${seconds.toFixed(0)} s | ${sent} | ${each.join(', ')} | ${failed.length} |`;
  });
  const text = [
    ...parts.map((part) => `- ${part}`),
    '',
    '| step | time | requests | to each HAProxy | failed |',
    '| --- | --- | --- | --- | --- |',
    ...cells,
    '',
  ].join('\n');
  process.stdout.write(`\n${text}`);
  const file = process.env['FLEET_OUT'];
  if (file !== undefined) await writeFile(file, text);
}
