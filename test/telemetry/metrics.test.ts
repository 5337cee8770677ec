import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { Registry } from 'prom-client';

import { degradedCodes } from '../../src/actual/normalise/degraded.js';
import { limitNames } from '../../src/desired/limit-names.js';
import { skipCodes } from '../../src/desired/types.js';
import { stepKinds } from '../../src/diff/steps.js';
import { problemCodes, reloadReasons } from '../../src/diff/types.js';
import { openedBy } from '../../src/loop/probes.js';
import { wakeSources } from '../../src/loop/wake-sources.js';
import { probeResults } from '../../src/observe/probe/run-check.js';
import { phases } from '../../src/pass/phases.js';
import { errorCodes } from '../../src/pass/recover.js';
import { statusClasses } from '../../src/shared/status-class.js';
import { createDiscoveryMetrics } from '../../src/telemetry/discovery-metrics.js';
import { createFleetMetrics } from '../../src/telemetry/fleet-metrics.js';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.js';
import type { TargetMetrics } from '../../src/telemetry/target-metrics.js';

const prefix = 'haproxy_nomad_connector_';

/** Those of one HAProxy, and those of the program. */
function start(): { metrics: Metrics & TargetMetrics; registry: Registry } {
  const registry = new Registry();
  const metrics = createMetrics(registry, '1.2.3', ['default']);
  return { metrics: { ...metrics, ...metrics.of('default') }, registry };
}

/** Value of a sample by its name without the prefix: `services{state="routed"}`. */
async function value(registry: Registry, sample: string): Promise<number | undefined> {
  const line = (await registry.metrics())
    .split('\n')
    .find((text) => text.startsWith(`${prefix}${sample} `));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

describe('metrics', () => {
  it('are all there from the start, at zero', async () => {
    const { registry } = start();
    for (const sample of [
      'pass_duration_seconds_count{phase="apply",result="held"}',
      'failures_total{code="haproxy-down"}',
      'ready',
      'last_success_timestamp_seconds',
      'last_sync_duration_seconds',
      'startup_sync_duration_seconds',
      'services{state="routed"}',
      'services{state="skipped"}',
      'services_skipped{code="rejected-by-haproxy"}',
      'services_restored_ratio',
      'plan_steps_total{kind="reload"}',
      'reloads_total{reason="new-backend"}',
      'wakes_total{source="route-file"}',
      'event_stream_connected',
      'requests_total{target="dataplane",status="error"}',
      'drift_total',
      'held_removals',
      'held_since_timestamp_seconds',
      'degraded{code="frontend-missing"}',
      'backoff_seconds',
      'term',
    ]) {
      expect(await value(registry, sample), sample).to.equal(0);
    }
    expect(await value(registry, 'leader'), 'without a lock').to.equal(1);
    const node = process.versions.node;
    expect(await value(registry, `build_info{version="1.2.3",node="${node}"}`)).to.equal(1);
    expect(await registry.metrics()).to.contain('process_cpu_seconds_total');
  });

  it('count what happened in a pass', async () => {
    const { registry, metrics } = start();
    metrics.phase('diff', 'changed', 0.02);
    metrics.succeeded(5000, 1.5);
    metrics.failed('nomad-unreachable');
    metrics.readyWhen(() => true);
    metrics.startupSynced(2);
    metrics.planStep('reload');
    metrics.reload('new-backend');
    metrics.drift(3);
    metrics.wake('stream');
    metrics.streamConnected(true);
    metrics.request('nomad', '2xx');
    metrics.heldRemovals(4);
    metrics.heldSince(7);
    metrics.backoff(0.5);
    metrics.leads(12);
    metrics.leads(undefined);
    const phase = '{phase="diff",result="changed"}';
    const seen: Readonly<Record<string, number>> = {
      [`pass_duration_seconds_count${phase}`]: 1,
      [`pass_duration_seconds_sum${phase}`]: 0.02,
      last_success_timestamp_seconds: 5,
      'failures_total{code="nomad-unreachable"}': 1,
      ready: 1,
      last_sync_duration_seconds: 1.5,
      startup_sync_duration_seconds: 2,
      'plan_steps_total{kind="reload"}': 1,
      'reloads_total{reason="new-backend"}': 1,
      drift_total: 3,
      'wakes_total{source="stream"}': 1,
      event_stream_connected: 1,
      'requests_total{target="nomad",status="2xx"}': 1,
      held_removals: 4,
      held_since_timestamp_seconds: 7,
      backoff_seconds: 0.5,
      leader: 0,
      term: 12,
    };
    for (const [sample, expected] of Object.entries(seen)) {
      expect(await value(registry, sample), sample).to.equal(expected);
    }
  });

  it('say what share of the services is served, invalid ones aside', async () => {
    const { registry, metrics } = start();
    metrics.services({
      routed: 3,
      wanted: 4,
      skipped: ['invalid-tag', 'invalid-tag'],
      limits: ['tag_bytes'],
    });
    expect(await value(registry, 'limit_exceeded{limit="tag_bytes"}')).to.equal(1);
    expect(await value(registry, 'limit_exceeded{limit="regexes_total"}')).to.equal(0);
    expect(await value(registry, 'services{state="routed"}')).to.equal(3);
    expect(await value(registry, 'services{state="skipped"}')).to.equal(2);
    expect(await value(registry, 'services_skipped{code="invalid-tag"}')).to.equal(2);
    expect(await value(registry, 'services_restored_ratio')).to.equal(0.75);
    metrics.services({ routed: 0, wanted: 0, skipped: [] });
    expect(await value(registry, 'services_skipped{code="invalid-tag"}')).to.equal(0);
    expect(await value(registry, 'limit_exceeded{limit="tag_bytes"}')).to.equal(0);
    expect(await value(registry, 'services_restored_ratio')).to.equal(1);
  });

  it('say what is degraded now, and no more', async () => {
    const { registry, metrics } = start();
    metrics.degraded(['no-server-state-file']);
    metrics.degraded(['frontend-missing']);
    expect(await value(registry, 'degraded{code="no-server-state-file"}')).to.equal(0);
    expect(await value(registry, 'degraded{code="frontend-missing"}')).to.equal(1);
  });

  it('have every value of their labels from the start', async () => {
    const { registry } = start();
    const lists: Readonly<Record<string, readonly string[]>> = {
      'plan_steps_total{kind': stepKinds,
      'reloads_total{reason': reloadReasons,
      'services_skipped{code': skipCodes,
      'limit_exceeded{limit': limitNames,
      'degraded{code': [...degradedCodes, ...problemCodes],
      'wakes_total{source': wakeSources,
      'failures_total{code': errorCodes,
      'probes_total{result': probeResults,
      'server_wait_seconds_count{opened_by': openedBy,
    };
    for (const [metric, values] of Object.entries(lists)) {
      for (const one of values) {
        expect(await value(registry, `${metric}="${one}"}`), `${metric} ${one}`).to.equal(0);
      }
    }
    for (const phase of [...phases, 'total']) {
      const sample = `pass_duration_seconds_count{phase="${phase}",result="noop"}`;
      expect(await value(registry, sample), phase).to.equal(0);
    }
    for (const status of statusClasses) {
      const sample = `requests_total{target="nomad",status="${status}"}`;
      expect(await value(registry, sample), status).to.equal(0);
    }
    expect(await registry.metrics()).not.to.contain('"other"');
  });

  it('take no value that their lists lack', () => {
    const { metrics } = start();
    expect(() => {
      // @ts-expect-error: no kind of step.
      metrics.planStep('resize-slot');
      // @ts-expect-error: no reason for a reload.
      metrics.reload('boredom');
      // @ts-expect-error: nothing that can be degraded.
      metrics.degraded(['slow']);
      // @ts-expect-error: no service is skipped for that.
      metrics.services({ routed: 0, wanted: 0, skipped: ['no-domain'] });
      // @ts-expect-error: nothing wakes the loop so.
      metrics.wake('signal');
      // @ts-expect-error: no class of statuses.
      metrics.request('nomad', '1xx');
      // @ts-expect-error: no phase of a pass.
      metrics.phase('idle', 'noop', 1);
    }).not.to.throw();
  });

  it('of several HAProxies name each, and Nomad none', async () => {
    const registry = new Registry();
    const metrics = createMetrics(registry, '1.2.3', ['a', 'b']);
    const gauges = ['last_success_timestamp_seconds', 'held_removals', 'drift_total'];
    for (const name of [...gauges, 'backoff_seconds', 'services_restored_ratio']) {
      for (const one of ['a', 'b']) {
        expect(await value(registry, `${name}{haproxy="${one}"}`), name).to.equal(0);
      }
      expect(await value(registry, name), name).to.equal(undefined);
    }
    metrics.of('b').reload('new-backend');
    metrics.of('b').degraded(['frontend-missing']);
    metrics.of('nomad').failed('nomad-unreachable');
    expect(await value(registry, 'reloads_total{reason="new-backend",haproxy="a"}')).to.equal(0);
    expect(await value(registry, 'reloads_total{reason="new-backend",haproxy="b"}')).to.equal(1);
    metrics.of('a').degraded([]);
    const degraded = 'degraded{code="frontend-missing",haproxy="b"}';
    expect(await value(registry, degraded)).to.equal(1);
    const failures = 'failures_total{code="nomad-unreachable",haproxy=""}';
    expect(await value(registry, failures)).to.equal(1);
    expect(await value(registry, 'ready')).to.equal(0);
    metrics.request('dataplane', '2xx', 'b');
    const requests = (name: string) =>
      value(registry, `requests_total{target="dataplane",haproxy="${name}",status="2xx"}`);
    expect([await requests('a'), await requests('b')]).to.deep.equal([0, 1]);
    expect(await value(registry, 'requests_total{target="nomad",status="2xx"}')).to.equal(0);
  });

  it('of a HAProxy that was discovered end when it leaves', async () => {
    const registry = new Registry();
    const metrics = createMetrics(registry, '1.2.3', []);
    const series = async () =>
      (await registry.metrics()).split('\n').filter((line) => line.includes('haproxy="a"')).length;
    metrics.joined('a');
    const fresh = await series();
    expect(fresh).to.be.greaterThan(100);
    metrics.request('dataplane', '2xx', 'a');
    metrics.of('a').reload('new-backend');
    metrics.of('a').phase('total', 'noop', 1);
    metrics.left('a');
    metrics.request('dataplane', '2xx', 'a');
    expect(await series()).to.equal(0);
    metrics.joined('a');
    expect(await series()).to.equal(fresh);
    const reloads = 'reloads_total{reason="new-backend",haproxy="a"}';
    expect(await value(registry, reloads)).to.equal(0);
  });

  it('stand in the table above them', async () => {
    const { registry } = start();
    createFleetMetrics(registry, ['a', 'b']);
    createDiscoveryMetrics(registry);
    const source = await readFile(
      new URL('../../src/telemetry/metrics.ts', import.meta.url),
      'utf8',
    );
    for (const { name, type } of await registry.getMetricsAsJSON()) {
      if (!name.startsWith(prefix)) continue;
      expect(source).to.contain(`| ${name.slice(prefix.length)} | ${String(type)} |`);
    }
  });
});
