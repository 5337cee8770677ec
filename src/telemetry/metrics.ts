import { collectDefaultMetrics, Counter, Gauge, Histogram, type Registry } from 'prom-client';

import { type OpenedBy, openedBy } from '../loop/probes.js';
import { type WakeSource, wakeSources } from '../loop/wake-sources.js';
import { type ProbeResult, probeResults } from '../observe/probe/run-check.js';
import { type StatusClass, statusClasses } from '../shared/status-class.js';
import { labelledCounter } from './labels.js';
import { type AllTargetMetrics, createTargetMetrics, prefix } from './target-metrics.js';

export type Target = 'nomad' | 'dataplane';

export interface Metrics extends AllTargetMetrics {
  /** What `ready` is asked for at each scrape. */
  readonly readyWhen: (isReady: () => boolean) => void;
  readonly wake: (source: WakeSource) => void;
  readonly streamConnected: (connected: boolean) => void;
  /** A check that the connector ran itself. */
  readonly probe: (result: ProbeResult['result']) => void;
  /** A server that waited for its check is UP. */
  readonly opened: (by: OpenedBy, seconds: number) => void;
  /** `haproxy`: name of the target, of a request to its Data Plane API. */
  readonly request: (target: Target, status: StatusClass, haproxy?: string) => void;
  /** The term in which this process leads; undefined: it stands by. */
  readonly leads: (term: number | undefined) => void;
}

/**
 * All names begin with `haproxy_nomad_connector_`. Every label value is exported from the start.
 *
 * | metric | type | labels | meaning |
 * |---|---|---|---|
 * | pass_duration_seconds | histogram | phase, result | duration of each phase of a pass, by result |
 * | failures_total | counter | code | failed passes by error |
 * | ready | gauge | | 1 while `/readyz` answers 200 |
 * | last_success_timestamp_seconds | gauge | | time of the last successful pass, Unix seconds |
 * | last_sync_duration_seconds | gauge | | duration of the last successful pass |
 * | startup_sync_duration_seconds | gauge | | time from process start to the first successful pass |
 * | services | gauge | state | routed services and skipped services |
 * | services_skipped | gauge | code | skipped services by reason |
 * | limit_exceeded | gauge | limit | services that exceed a limit, by setting |
 * | services_restored_ratio | gauge | | share of wanted services that are routed; 1 means all |
 * | plan_steps_total | counter | kind | planned steps by kind |
 * | reloads_total | counter | reason | requested HAProxy reloads by reason |
 * | wakes_total | counter | source | loop wake-ups by source |
 * | event_stream_connected | gauge | | 1 while Nomad's event stream is connected |
 * | requests_total | counter | target, status | requests to Nomad and the Data Plane API |
 * | probes_total | counter | result | checks of waiting servers that the connector ran |
 * | server_wait_seconds | histogram | opened_by | how long servers waited for their check to pass |
 * | drift_total | counter | | changes found in HAProxy while the catalog was unchanged |
 * | held_removals | gauge | | removals currently held by the guard |
 * | held_since_timestamp_seconds | gauge | | when the held removals without a trace were first missed; 0: none |
 * | degraded | gauge | code | 1 while a setting the guarantees depend on is missing |
 * | backoff_seconds | gauge | | delay before the next retry; 0 if the last pass succeeded |
 * | leader | gauge | | 1 while this process may write; always without a lock |
 * | term | gauge | | of the lock, when this process last led; 0: never |
 * | build_info | gauge | version, node | always 1 |
 *
 * Unless there is one HAProxy and always will be, what is about one of them also has the label `haproxy`, its name in the
 * settings: the rows of target-metrics.ts, `server_info`, and these:
 *
 * | targets | gauge | state | HAProxies by state: in-sync, behind, failed, unknown |
 * | target_in_sync | gauge | haproxy | 1 while the HAProxy serves what the newest catalog asks for |
 *
 * Where they are discovered, their series end when they leave, and there are these:
 *
 * | discovered | gauge | state | instances of the service: used, missing, or why not used |
 * | discovery_failing | gauge | | 1 while Nomad's instances of the service can't be read |
 *
 * `server_info` is made in server-info.ts: its series come and go with the instances.
 *
 * Plus the default `process_*` and `nodejs_*` metrics.
 */
export function createMetrics(
  registry: Registry,
  version: string,
  targets: readonly string[],
): Metrics {
  collectDefaultMetrics({ register: registry });
  buildInfo(registry, version);
  const ofTargets = createTargetMetrics(registry, targets);
  const { request, wake, streamConnected, ...requests } = sourceMetrics(registry, targets);
  return {
    ...{ of: ofTargets.of, request, wake, streamConnected },
    joined: (target) => {
      ofTargets.joined(target);
      requests.joined(target);
    },
    left: (target) => {
      ofTargets.left(target);
      requests.left(target);
    },
    ...readyMetric(registry),
    ...probeMetrics(registry),
    ...leaderMetrics(registry),
  };
}

function readyMetric(registry: Registry): Pick<Metrics, 'readyWhen'> {
  let ready = (): boolean => false;
  new Gauge({
    name: `${prefix}ready`,
    help: '1 while /readyz answers 200.',
    registers: [registry],
    collect() {
      this.set(ready() ? 1 : 0);
    },
  });
  return { readyWhen: (isReady) => (ready = isReady) };
}

function sourceMetrics(
  registry: Registry,
  names: readonly string[],
): Pick<Metrics, 'wake' | 'streamConnected' | 'request' | 'joined' | 'left'> {
  const isOne = names.length === 1;
  const wakes = labelledCounter(registry, {
    name: `${prefix}wakes_total`,
    help: 'Loop wake-ups by source.',
    label: 'source',
    values: wakeSources,
  });
  const stream = gauge(
    registry,
    'event_stream_connected',
    "1 while Nomad's event stream is connected.",
  );
  const requests = new Counter({
    name: `${prefix}requests_total`,
    help: 'Requests to Nomad and the Data Plane API by status class.',
    labelNames: ['target', 'status', ...(isOne ? [] : ['haproxy'])],
    registers: [registry],
  });
  const labelsOf = (target: Target, haproxy?: string) =>
    isOne || haproxy === undefined ? { target } : { target, haproxy };
  for (const status of statusClasses) requests.inc({ ...labelsOf('nomad'), status }, 0);
  const known = new Set<string>();
  const joined = (name: string): void => {
    known.add(name);
    for (const status of statusClasses) {
      requests.inc({ ...labelsOf('dataplane', name), status }, 0);
    }
  };
  names.forEach(joined);
  return {
    joined,
    left: (name) => {
      known.delete(name);
      for (const status of statusClasses) {
        requests.remove({ ...labelsOf('dataplane', name), status });
      }
    },
    wake: (source) => wakes.add(source),
    streamConnected: (connected) => stream.set(connected ? 1 : 0),
    request: (target, status, haproxy) => {
      // The last requests to one that has left end after its series.
      if (haproxy !== undefined && !known.has(haproxy)) return;
      requests.inc({ ...labelsOf(target, haproxy), status });
    },
  };
}

function probeMetrics(registry: Registry): Pick<Metrics, 'probe' | 'opened'> {
  const probes = labelledCounter(registry, {
    name: `${prefix}probes_total`,
    help: 'Checks of waiting servers that the connector ran, by result.',
    label: 'result',
    values: probeResults,
  });
  const waits = new Histogram({
    name: `${prefix}server_wait_seconds`,
    help: 'How long servers waited for their check to pass, by whose check opened them.',
    labelNames: ['opened_by'],
    buckets: [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers: [registry],
  });
  for (const by of openedBy) waits.zero({ opened_by: by });
  return {
    probe: (result) => probes.add(result),
    opened: (by, seconds) => waits.observe({ opened_by: by }, seconds),
  };
}

function leaderMetrics(registry: Registry): Pick<Metrics, 'leads'> {
  const leader = gauge(
    registry,
    'leader',
    '1 while this process may write to HAProxy; always without a lock.',
  );
  const last = gauge(registry, 'term', 'Term of the lock when this process last led; 0: never.');
  leader.set(1);
  return {
    leads: (term) => {
      leader.set(term === undefined ? 0 : 1);
      if (term !== undefined) last.set(term);
    },
  };
}

function buildInfo(registry: Registry, version: string): void {
  new Gauge({
    name: `${prefix}build_info`,
    help: 'Version of the connector and of Node; always 1.',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version, node: process.versions.node }, 1);
}

function gauge(registry: Registry, name: string, help: string): Gauge {
  return new Gauge({ name: prefix + name, help, registers: [registry] });
}
