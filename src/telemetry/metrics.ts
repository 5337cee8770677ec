import { collectDefaultMetrics, Counter, Gauge, Histogram, type Registry } from 'prom-client';

import { type DegradedCode, degradedCodes } from '../actual/normalise/degraded.js';
import { type LimitName, limitNames } from '../desired/limit-names.js';
import { type SkipCode, skipCodes } from '../desired/types.js';
import { type StepKind, stepKinds } from '../diff/steps.js';
import { type ProblemCode, problemCodes, type ReloadReason, reloadReasons } from '../diff/types.js';
import { type OpenedBy, openedBy } from '../loop/probes.js';
import { type WakeSource, wakeSources } from '../loop/wake-sources.js';
import { type ProbeResult, probeResults } from '../observe/probe/run-check.js';
import { type Phase, phases } from '../pass/phases.js';
import { errorCodes } from '../pass/recover.js';
import type { ErrorCode } from '../shared/errors.js';
import { type StatusClass, statusClasses } from '../shared/status-class.js';
import { labelledCounter, labelledGauge } from './labels.js';

const prefix = 'haproxy_nomad_connector_';

const timedPhases = [...phases, 'total'] as const;
const passOutcomes = ['noop', 'changed', 'failed', 'held'] as const;
const targets = ['nomad', 'dataplane'] as const;

export type PassOutcome = (typeof passOutcomes)[number];
export type Target = (typeof targets)[number];

export interface ServiceCounts {
  /** Services HAProxy routes to now. */
  readonly routed: number;
  /** Services it should route to: opted in and not skipped. */
  readonly wanted: number;
  readonly skipped: readonly SkipCode[];
  /** Limits that services exceed, once per service. */
  readonly limits?: readonly LimitName[];
}

export interface Metrics {
  /** Duration of one phase, and the result of its pass. */
  readonly phase: (phase: Phase | 'total', result: PassOutcome, seconds: number) => void;
  /** A pass succeeded. `at`: milliseconds since the epoch. */
  readonly succeeded: (at: number, seconds: number) => void;
  /** A pass over a target failed, or the read of Nomad. */
  readonly failed: (code: ErrorCode) => void;
  /** What `ready` is asked for at each scrape. */
  readonly readyWhen: (isReady: () => boolean) => void;
  /** Time from process start to the first successful pass. */
  readonly startupSynced: (seconds: number) => void;
  readonly services: (counts: ServiceCounts) => void;
  readonly planStep: (kind: StepKind) => void;
  readonly reload: (reason: ReloadReason) => void;
  readonly wake: (source: WakeSource) => void;
  readonly streamConnected: (connected: boolean) => void;
  /** A check that the connector ran itself. */
  readonly probe: (result: ProbeResult['result']) => void;
  /** A server that waited for its check is UP. */
  readonly opened: (by: OpenedBy, seconds: number) => void;
  readonly request: (target: Target, status: StatusClass) => void;
  /** Changes found while the catalog was the same as in the previous pass. */
  readonly drift: (changes: number) => void;
  readonly heldRemovals: (count: number) => void;
  /** Since when the guard waits for an absence to last, Unix seconds; 0 when it doesn't. */
  readonly heldSince: (at: number) => void;
  /** All that is degraded now. */
  readonly degraded: (codes: readonly (DegradedCode | ProblemCode)[]) => void;
  /** Delay before the next retry; 0 if the last pass succeeded. */
  readonly backoff: (seconds: number) => void;
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
 * | build_info | gauge | version, node | always 1 |
 *
 * `server_info` is made in server-info.ts: its series come and go with the instances.
 *
 * Plus the default `process_*` and `nodejs_*` metrics.
 */
export function createMetrics(registry: Registry, version: string): Metrics {
  collectDefaultMetrics({ register: registry });
  buildInfo(registry, version);
  return {
    ...passMetrics(registry),
    ...serviceMetrics(registry),
    ...changeMetrics(registry),
    ...stateMetrics(registry),
    ...readyMetric(registry),
    ...sourceMetrics(registry),
    ...probeMetrics(registry),
  };
}

function passMetrics(
  registry: Registry,
): Pick<Metrics, 'phase' | 'succeeded' | 'failed' | 'startupSynced'> {
  const durations = new Histogram({
    name: `${prefix}pass_duration_seconds`,
    help: 'Duration of each phase of a pass, by result of the pass.',
    labelNames: ['phase', 'result'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  for (const phase of timedPhases) {
    for (const result of passOutcomes) durations.zero({ phase, result });
  }
  const failures = labelledCounter(registry, {
    name: `${prefix}failures_total`,
    help: 'Failed passes by error code.',
    label: 'code',
    values: errorCodes,
  });
  const success = gauge(
    registry,
    'last_success_timestamp_seconds',
    'Time of the last successful pass (Unix seconds).',
  );
  const duration = gauge(
    registry,
    'last_sync_duration_seconds',
    'Duration of the last successful pass.',
  );
  const startup = gauge(
    registry,
    'startup_sync_duration_seconds',
    'Time from process start to the first successful pass.',
  );
  return {
    phase: (phase, result, seconds) => durations.observe({ phase, result }, seconds),
    succeeded: (at, seconds) => {
      success.set(at / 1000);
      duration.set(seconds);
    },
    failed: (code) => failures.add(code),
    startupSynced: (seconds) => startup.set(seconds),
  };
}

function serviceMetrics(registry: Registry): Pick<Metrics, 'services'> {
  const states = labelledGauge(registry, {
    name: `${prefix}services`,
    help: 'Number of services by state.',
    label: 'state',
    values: ['routed', 'skipped'],
  });
  const skips = labelledGauge(registry, {
    name: `${prefix}services_skipped`,
    help: 'Number of skipped services by reason.',
    label: 'code',
    values: skipCodes,
  });
  const exceeded = labelledGauge(registry, {
    name: `${prefix}limit_exceeded`,
    help: 'Number of services that exceed a limit, by the name of the setting.',
    label: 'limit',
    values: limitNames,
  });
  const restored = gauge(
    registry,
    'services_restored_ratio',
    'Share of wanted services that are routed; 1 means all.',
  );
  return {
    services: ({ routed, wanted, skipped, limits = [] }) => {
      states.set('routed', routed);
      states.set('skipped', skipped.length);
      for (const code of skipCodes) {
        skips.set(code, skipped.filter((one) => one === code).length);
      }
      for (const limit of limitNames) {
        exceeded.set(limit, limits.filter((one) => one === limit).length);
      }
      restored.set(wanted === 0 ? 1 : routed / wanted);
    },
  };
}

function changeMetrics(registry: Registry): Pick<Metrics, 'planStep' | 'reload' | 'drift'> {
  const steps = labelledCounter(registry, {
    name: `${prefix}plan_steps_total`,
    help: 'Planned steps by kind.',
    label: 'kind',
    values: stepKinds,
  });
  const reloads = labelledCounter(registry, {
    name: `${prefix}reloads_total`,
    help: 'Requested HAProxy reloads by reason.',
    label: 'reason',
    values: reloadReasons,
  });
  const drift = new Counter({
    name: `${prefix}drift_total`,
    help: 'Changes found in HAProxy while the Nomad catalog was unchanged.',
    registers: [registry],
  });
  return {
    planStep: (kind) => steps.add(kind),
    reload: (reason) => reloads.add(reason),
    drift: (changes) => drift.inc(changes),
  };
}

function stateMetrics(
  registry: Registry,
): Pick<Metrics, 'heldRemovals' | 'heldSince' | 'degraded' | 'backoff'> {
  const held = gauge(registry, 'held_removals', 'Removals currently held by the guard.');
  const since = gauge(
    registry,
    'held_since_timestamp_seconds',
    'Time at which held removals without a trace were first missed (Unix seconds); 0 if there are none.',
  );
  const degraded = labelledGauge(registry, {
    name: `${prefix}degraded`,
    help: '1 while a setting the guarantees depend on is missing in haproxy.cfg.',
    label: 'code',
    values: [...degradedCodes, ...problemCodes],
  });
  const backoff = gauge(
    registry,
    'backoff_seconds',
    'Delay before the next retry; 0 if the last pass succeeded.',
  );
  return {
    heldRemovals: (count) => held.set(count),
    heldSince: (at) => since.set(at),
    degraded: (codes) => {
      degraded.reset();
      for (const code of codes) degraded.set(code, 1);
    },
    backoff: (seconds) => backoff.set(seconds),
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

function sourceMetrics(registry: Registry): Pick<Metrics, 'wake' | 'streamConnected' | 'request'> {
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
    labelNames: ['target', 'status'],
    registers: [registry],
  });
  for (const target of targets) {
    for (const status of statusClasses) requests.inc({ target, status }, 0);
  }
  return {
    wake: (source) => wakes.add(source),
    streamConnected: (connected) => stream.set(connected ? 1 : 0),
    request: (target, status) => requests.inc({ target, status }),
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
