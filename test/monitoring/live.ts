/**
 * `npm run test:monitoring`: a real Prometheus scrapes the connector and HAProxy's exporter while one
 * fault after another is made. Each alert must fire for its fault, and none before. Waits and
 * thresholds of the rules are shortened; their own are in monitoring/alerts.test.yaml.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';

import type { App } from '../../fixtures/apps/app.js';
import { baseHaproxyConfig } from '../../fixtures/dataplane/config.js';
import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy, type HaproxySeries } from '../../fixtures/haproxy/find.js';
import { freePort } from '../../fixtures/ports.js';
import { type Started, waitFor } from '../../fixtures/process.js';
import { domainOf, enabledTags, type Stack, startStack } from '../../fixtures/stack.js';
import { allocOf } from '../stack/helpers.js';
import { queriesOf, readDashboard, readRules } from './kit.js';
import { type Prometheus, programOf, type Sample, startPrometheus } from './prometheus.js';

/** Short times; the connector is in sync at least every second. */
const settings = {
  haproxy: { request_timeout: '2s', watch_interval: '250ms' },
  checks: { interval: '100ms', timeout: '1s' },
  sync: {
    ...{ debounce: '10ms', debounce_max: '50ms', backoff_min: '50ms', backoff_max: '250ms' },
    resync_interval: '1s',
  },
  limits: { check_interval: '10ms', reload_interval: 0 },
};
const thresholds: Readonly<Record<string, string>> = { '> 120': '> 5', '> 20': '> 4' };
const waitMs = 60_000;

/** Alerts that fired, of all worlds. */
const fired = new Set<string>();
/** Series that there are with several HAProxies only. */
const ofFleets = /_connector_targets?\b|_connector_target_in_sync\b/;

interface World {
  readonly stack: Stack;
  readonly apps: readonly [App, App];
  readonly connector: Started;
  readonly prometheus: Prometheus;
}

async function shortRules(): Promise<string> {
  const { groups } = await readRules();
  const shorten = (expr: string): string =>
    expr.trim().replace(/> (120|20)$/, (threshold) => thresholds[threshold] ?? threshold);
  return stringify({
    groups: groups.map(({ name, rules }) => ({
      name,
      rules: rules.map((rule) => ({ ...rule, expr: shorten(rule.expr), for: '1s' })),
    })),
  });
}

type Watched = Pick<World, 'prometheus' | 'connector'>;

function firingIn({ prometheus }: Watched, alert: string): Promise<readonly Sample[]> {
  return prometheus.query(`ALERTS{alertname=~"${alert}", alertstate="firing"}`);
}

/** Waits until it fires with these labels. */
async function firesIn(
  world: Watched,
  alert: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  let last: readonly Sample[] = [];
  const isThere = async (): Promise<boolean> => {
    last = await firingIn(world, alert);
    return last.some(({ metric }) =>
      Object.entries(labels).every(([name, value]) => metric[name] === value),
    );
  };
  await waitFor(alert, isThere, { timeoutMs: waitMs, intervalMs: 200 }).catch((cause: unknown) => {
    const output = world.connector.output().slice(-2000);
    throw new Error(`${alert}: ${JSON.stringify(last)}\n${output}`, { cause });
  });
  fired.add(alert);
}

async function stopsFiringIn(world: Watched, alert: string): Promise<void> {
  const isOver = async (): Promise<boolean> => (await firingIn(world, alert)).length === 0;
  await waitFor(`${alert} to end`, isOver, { timeoutMs: waitMs, intervalMs: 200 });
}

describe('the alerts and the dashboard, with a real Prometheus', function () {
  this.timeout(2 * waitMs);
  const closers: (() => Promise<unknown>)[] = [];
  let world: World;

  before(async function () {
    this.timeout(300_000);
    const bin = programOf('PROMETHEUS_BIN', 'prometheus');
    if (bin === undefined) {
      console.warn('SKIPPED: no prometheus (PROMETHEUS_BIN): no alert was made true');
      return this.skip();
    }
    world = await startWorld(bin);
  });

  after(async () => {
    for (const close of closers.reverse()) await close();
  });

  async function startWorld(bin: string): Promise<World> {
    const exporter = `127.0.0.1:${await freePort()}`;
    const stack = await startStack({
      heartbeatMs: 500,
      haproxyConfig: (dirs, port) => `${baseHaproxyConfig(dirs, port)}
backend nomad_taken
  server own 127.0.0.1:9

frontend exporter
  bind ${exporter}
  http-request use-service prometheus-exporter if { path /metrics }
`,
    });
    closers.push(() => stack.close());
    const apps = [await stack.app('a'), await stack.app('b')] as const;
    stack.serve('web', apps, { job: { ID: 'shop' } });
    const file = join(stack.dp.dirs.root, 'short.json');
    await writeFile(file, JSON.stringify(settings));
    const listen = `127.0.0.1:${await freePort()}`;
    const connector = await stack.spawnConnector(['--config', file, '--http-listen', listen]);
    await stack.waitBalanced(domainOf('web'), apps);
    const ready = async (): Promise<boolean> => (await fetch(`http://${listen}/readyz`)).ok;
    await waitFor('the connector to be ready', ready, { process: connector });
    const prometheus = await startPrometheus({
      bin,
      scrapes: { 'haproxy-nomad-connector': listen, haproxy: exporter },
      rules: await shortRules(),
    });
    closers.push(() => prometheus.close());
    return { stack, apps, connector, prometheus };
  }

  const firing = (alert: string) => firingIn(world, alert);
  const fires = (alert: string, labels: Readonly<Record<string, string>> = {}) =>
    firesIn(world, alert, labels);
  const stopsFiring = (alert: string) => stopsFiringIn(world, alert);

  it('no alert fires while all is well', async () => {
    const { prometheus, stack } = world;
    const scraped = async (): Promise<boolean> => {
      await stack.request(domainOf('web'));
      const counts = await prometheus.query('count_over_time(up[1m]) > 10');
      return counts.length === 2;
    };
    await waitFor('ten scrapes of both', scraped, { intervalMs: 100, timeoutMs: waitMs });
    expect(await firing('.*')).to.deep.equal([]);
    const all = await prometheus.query('sum(ALERTS)');
    expect(all.map(({ metric }) => metric)).to.deep.equal([]);
  });

  it('a bad tag: ServicesSkipped', async () => {
    const { stack, apps } = world;
    const tags = [...enabledTags('bad'), 'haproxy.check.interval=soon'];
    stack.serve('bad', [apps[0]], { tags });
    await fires('ServicesSkipped', { code: 'invalid-tag' });
  });

  it("a backend of the operator's has the name: ServicesNotRouted", async () => {
    const { stack, apps } = world;
    const tags = [...enabledTags('taken'), 'haproxy.backend.strategy=fail_on_conflict'];
    stack.serve('taken', [apps[0]], { tags });
    await fires('ServicesNotRouted');
    await fires('ServicesSkipped', { code: 'backend-conflict' });
  });

  it('an instance answers no longer: InstanceDown names it', async () => {
    const { stack, apps } = world;
    const alloc_id = allocOf(stack.nomad, apps[0]);
    const labels = { service: 'web', nomad_job: 'shop', alloc_id, node: 'node-1' };
    await apps[0].close();
    await fires('InstanceDown', labels);
    expect((await firing('InstanceDown')).map(({ metric }) => metric)).to.have.length(1);
    expect(await firing('BackendWithoutServer')).to.deep.equal([]);
  });

  it('none does: BackendWithoutServer, until one is back', async () => {
    const { apps } = world;
    await apps[1].close();
    await fires('BackendWithoutServer', { proxy: 'nomad_web' });
    for (const app of apps) await app.open();
    await stopsFiring('BackendWithoutServer|InstanceDown');
  });

  it('a service scaled to zero has no server: no alert', async () => {
    const { stack, apps, prometheus } = world;
    const { allocs } = stack.serve('idle', [apps[0]]);
    const backend = 'haproxy_backend_active_servers{proxy="nomad_idle"}';
    const servers = async (): Promise<number | undefined> =>
      (await prometheus.query(backend))[0]?.value;
    await waitFor('its server', async () => (await servers()) === 1, { timeoutMs: waitMs });
    for (const { ID } of allocs) stack.nomad.stopAlloc(ID);
    const info = 'haproxy_nomad_connector_server_info{proxy="nomad_idle"}';
    const isFree = async (): Promise<boolean> =>
      (await servers()) === 0 && (await prometheus.query(info)).length === 0;
    await waitFor('its slot to be free', isFree, { timeoutMs: waitMs, intervalMs: 100 });
    await stopsFiring('BackendWithoutServer');
  });

  it('many new services, one after another: TooManyReloads', async () => {
    const { stack, apps } = world;
    for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) {
      stack.serve(name, [apps[0]]);
      await stack.waitServed(domainOf(name), [apps[0]]);
    }
    await fires('TooManyReloads');
  });

  it('each query of the dashboard has data', async () => {
    const { stack, prometheus } = world;
    for (let sent = 0; sent < 50; sent++) await stack.request(domainOf('web'));
    for (const { panel, expr } of queriesOf(await readDashboard(), '1m')) {
      if (ofFleets.test(expr)) continue;
      const has = async (): Promise<boolean> => (await prometheus.query(expr)).length > 0;
      await waitFor(`${panel}: ${expr}`, has, { timeoutMs: 10_000, intervalMs: 200 });
    }
  });

  it("HAProxy's exporter is read by instance", async () => {
    const { stack, apps, prometheus } = world;
    const served = `sum by (alloc_id) (haproxy_server_http_responses_total{code="2xx"}
      * on (haproxy, proxy, server) group_left (alloc_id)
        haproxy_nomad_connector_server_info{service="web"})`;
    const samples = await prometheus.query(served);
    const known = new Map(samples.map(({ metric, value }) => [metric['alloc_id'], value]));
    for (const app of apps) {
      expect(known.get(allocOf(stack.nomad, app)), app.name).to.be.above(0);
    }
    const bySlot = 'count by (server) ({__name__=~"haproxy_server_.*", proxy="nomad_web"})';
    const info = 'haproxy_nomad_connector_server_info{proxy="nomad_web"}';
    const seen = async (expr: string): Promise<string[]> =>
      (await prometheus.query(expr)).map(({ metric }) => metric['server'] ?? '').sort();
    // Free slots are in maintenance, and left out.
    expect(await seen(bySlot)).to.deep.equal(await seen(info));
    expect((await prometheus.query(bySlot))[0]?.value).to.be.within(40, 100);
  });

  it('an edit by hand in a backend of ours: ConfigurationDrift', async () => {
    const total = 'haproxy_nomad_connector_drift_total';
    const drift = async (): Promise<number> => (await world.prometheus.query(total))[0]?.value ?? 0;
    const before = await drift();
    const ours = /^backend nomad_web\b.*\n/m;
    await world.stack.editConfiguration((text) =>
      text.replace(ours, (line) => `${line}  timeout server 5s\n`),
    );
    await waitFor('drift to be counted', async () => (await drift()) > before);
    await fires('ConfigurationDrift');
  });

  it('a line is gone: Degraded', async () => {
    await world.stack.editConfiguration((text) => text.replace(/^ *hard-stop-after .*\n/m, ''));
    await fires('Degraded', { code: 'no-hard-stop-after' });
  });

  it('the frontend has another name: ConnectorNotReady', async () => {
    const rename = (from: string, to: string): Promise<void> =>
      world.stack.editConfiguration((text) =>
        text.replace(new RegExp(`^frontend ${from}\\b`, 'm'), `frontend ${to}`),
      );
    await rename('http_front', 'renamed');
    await fires('ConnectorNotReady');
    await fires('Degraded', { code: 'frontend-missing' });
    await rename('renamed', 'http_front');
    await stopsFiring('ConnectorNotReady');
  });

  it('Nomad has lost all: RemovalsHeld', async () => {
    const { faults } = world.stack.nomad;
    Object.assign(faults, { wiped: true, indexAhead: 1000 });
    await fires('RemovalsHeld');
    faults.clear();
    await stopsFiring('RemovalsHeld');
  });

  it('the Data Plane API fails: PassesFail', async () => {
    const { proxy } = world.stack;
    proxy.onRequest(() => ({ answer: { status: 500, body: { code: 500, message: 'broken' } } }));
    await fires('PassesFail', { code: 'haproxy-failed' });
    proxy.onRequest(undefined);
  });

  it('the Data Plane API is gone: DataPlaneUnreachable', async () => {
    await world.stack.dp.killDataPlane();
    await fires('DataPlaneUnreachable', { code: 'haproxy-unreachable' });
    await world.stack.dp.startDataPlane();
  });

  it('HAProxy is gone: HaproxyDown', async () => {
    await world.stack.dp.stopHaproxy('SIGKILL');
    await fires('HaproxyDown');
    await fires('DataPlaneUnreachable', { code: 'haproxy-down' });
    await world.stack.dp.startHaproxy();
    await stopsFiring('HaproxyDown');
  });

  it('Nomad is gone: NomadUnreachable and what follows from it', async () => {
    await world.stack.nomad.stop();
    await fires('NomadUnreachable', { code: 'nomad-unreachable' });
    await fires('EventStreamDown');
    await fires('ConnectorNotInSync');
  });

  it('the connector is gone: ConnectorDown', async () => {
    await world.connector.stop('SIGKILL');
    await fires('ConnectorDown');
  });
});

describe('the alerts of a fleet, with a real Prometheus', function () {
  this.timeout(2 * waitMs);
  const closers: (() => Promise<unknown>)[] = [];
  let stack: Stack;
  let other: DataPlane;
  let world: Watched;
  let second: Started;
  /** Of the second connector. */
  const addresses: string[] = [];

  before(async function () {
    this.timeout(300_000);
    const bin = programOf('PROMETHEUS_BIN', 'prometheus');
    if (bin === undefined) return this.skip();
    stack = await startStack({ heartbeatMs: 500 });
    closers.push(() => stack.close());
    other = await startDataPlane({ haproxy: await findHaproxy(seriesAsked()) });
    closers.push(() => other.close());
    stack.serve('web', [await stack.app('web')]);
    for (let at = 0; at < 2; at++) addresses.push(`127.0.0.1:${await freePort()}`);
    const connector = await begin(0, 'connector/leader');
    second = await begin(1, 'connector/leader');
    const prometheus = await startPrometheus({
      bin,
      scrapes: { 'haproxy-nomad-connector': addresses },
      rules: await shortRules(),
    });
    closers.push(() => prometheus.close());
    world = { prometheus, connector };
  });

  after(async () => {
    for (const close of closers.reverse()) await close();
  });

  async function begin(at: number, lockPath: string): Promise<Started> {
    const file = join(stack.dp.dirs.root, `fleet-${at}.json`);
    const { username, password } = other;
    const targets = [
      { name: 'edge-1', address: stack.dp.url },
      { name: 'edge-2', address: other.url, username, password },
    ];
    const leader = { lock_path: lockPath, lock_ttl: 10, lock_delay: 1 };
    const own = { ...settings, haproxy: { ...settings.haproxy, targets }, leader };
    await writeFile(file, JSON.stringify(own), { mode: 0o600 });
    const started = await stack.spawnConnector(
      ['--config', file, '--http-listen', addresses[at]!],
      { HAPROXY_DATAPLANE_URL: '' },
    );
    const ready = async (): Promise<boolean> => (await fetch(`http://${addresses[at]}/readyz`)).ok;
    await waitFor('a connector to be ready', ready, { process: started, timeoutMs: waitMs });
    return started;
  }

  const ofFleet = 'NoLeader|TwoLeaders|TargetNotInSync';
  const fires = (alert: string, labels: Readonly<Record<string, string>> = {}) =>
    firesIn(world, alert, labels);
  const isQuiet = () => stopsFiringIn(world, ofFleet);
  const leaders = async (): Promise<number | undefined> =>
    (await world.prometheus.query('sum(haproxy_nomad_connector_leader)'))[0]?.value;

  it('none of them fires while one of two leads, and the dashboard has data', async () => {
    await waitFor('a leader', async () => (await leaders()) === 1, { timeoutMs: waitMs });
    const asked = queriesOf(await readDashboard(), '1m').filter(({ expr }) => ofFleets.test(expr));
    expect(asked).to.have.length(2);
    for (const { panel, expr } of asked) {
      const has = async (): Promise<boolean> => (await world.prometheus.query(expr)).length > 0;
      await waitFor(`${panel}: ${expr}`, has, { timeoutMs: 10_000, intervalMs: 200 });
    }
    await isQuiet();
  });

  it('the Data Plane API of one is gone: TargetNotInSync names it', async () => {
    await other.killDataPlane();
    await fires('TargetNotInSync', { haproxy: 'edge-2' });
    const named = (await firingIn(world, 'TargetNotInSync')).map(({ metric }) => metric['haproxy']);
    expect(named).to.deep.equal(['edge-2']);
    await other.startDataPlane();
    await isQuiet();
  });

  it('Nomad renews no lock: NoLeader', async () => {
    stack.nomad.faults.http500 = '/v1/var/';
    await fires('NoLeader');
    stack.nomad.faults.http500 = false;
    await isQuiet();
  });

  it('the second has another lock: TwoLeaders', async () => {
    await second.stop('SIGTERM', 10_000);
    second = await begin(1, 'connector/other');
    await fires('TwoLeaders');
  });

  it('that was every alert', async () => {
    const alerts = (await readRules()).groups.flatMap(({ rules }) => rules);
    expect([...fired].sort()).to.deep.equal(alerts.map(({ alert }) => alert).sort());
  });
});

function seriesAsked(): HaproxySeries | undefined {
  return process.env['HAPROXY_SERIES'] as HaproxySeries | undefined;
}
