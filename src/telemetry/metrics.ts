import { collectDefaultMetrics, Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { SkipCode } from '../desired/types.js';
import { labelledCounter, labelledGauge } from './labels.js';

const PREFIX = 'haproxy_nomad_connector_';

export const PHASES = ['observe', 'desired', 'actual', 'diff', 'apply', 'total'] as const;
export const PASS_RESULTS = ['noop', 'changed', 'failed', 'held'] as const;
export const WAKE_SOURCES = [
  'start',
  'stream',
  'blocking',
  'timer',
  'retry',
  'route-file',
  'recheck',
] as const;
export const TARGETS = ['nomad', 'dataplane'] as const;
export const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx', 'error'] as const;

export type Phase = (typeof PHASES)[number];
export type PassResult = (typeof PASS_RESULTS)[number];
export type WakeSource = (typeof WAKE_SOURCES)[number];
export type Target = (typeof TARGETS)[number];
export type StatusClass = (typeof STATUS_CLASSES)[number];

/** A record, so that a new code can't be forgotten here. */
const SKIP_CODES: Readonly<Record<SkipCode, true>> = {
  'invalid-tag': true,
  'domain-claimed': true,
  'no-domain': true,
  'name-conflict': true,
  'backend-conflict': true,
  'rejected-by-haproxy': true,
  'invalid-route-file': true,
};

/** The bounded label values that others define. What is not among them is counted as `other`. */
export interface MetricLists {
  readonly stepKinds: readonly string[];
  readonly reloadReasons: readonly string[];
  readonly degradedCodes: readonly string[];
  readonly version: string;
}

export interface ServiceCounts {
  /** Services that HAProxy routes to now. */
  readonly routed: number;
  /** Services that it should route to: those that opted in and aren't skipped. */
  readonly wanted: number;
  readonly skipped: readonly SkipCode[];
}

export interface Metrics {
  /** How long one phase of a pass took, and how the pass ended. */
  readonly phase: (phase: Phase, result: PassResult, seconds: number) => void;
  /** A pass ended well; `at` in milliseconds since the epoch. */
  readonly succeeded: (at: number, seconds: number) => void;
  /** The first pass that ended well, counted from the start of the process. */
  readonly startupSynced: (seconds: number) => void;
  readonly services: (counts: ServiceCounts) => void;
  readonly planStep: (kind: string) => void;
  readonly reload: (reason: string) => void;
  readonly wake: (source: WakeSource) => void;
  readonly streamConnected: (connected: boolean) => void;
  readonly request: (target: Target, status: StatusClass) => void;
  /** Changes that were found although the catalog was the same as in the pass before. */
  readonly drift: (changes: number) => void;
  readonly heldRemovals: (count: number) => void;
  /** All that is degraded now. */
  readonly degraded: (codes: readonly string[]) => void;
  /** The wait before the next try; 0 when the last pass ended well. */
  readonly backoff: (seconds: number) => void;
}

/**
 * All names begin with `haproxy_nomad_connector_`; every label value is there from the start.
 *
 * | metric | type | labels | meaning |
 * |---|---|---|---|
 * | pass_duration_seconds | histogram | phase, result | duration of each phase of a pass, by result |
 * | last_success_timestamp_seconds | gauge | | time of the last successful pass, Unix seconds |
 * | last_sync_duration_seconds | gauge | | duration of the last successful pass |
 * | startup_sync_duration_seconds | gauge | | time from process start to the first successful pass |
 * | services | gauge | state | routed services and skipped services |
 * | services_skipped | gauge | code | skipped services by reason |
 * | services_restored_ratio | gauge | | share of wanted services that are routed; 1 means all |
 * | plan_steps_total | counter | kind | planned steps by kind |
 * | reloads_total | counter | reason | requested HAProxy reloads by reason |
 * | wakes_total | counter | source | loop wake-ups by source |
 * | event_stream_connected | gauge | | 1 while Nomad's event stream is connected |
 * | requests_total | counter | target, status | requests to Nomad and the Data Plane API |
 * | drift_total | counter | | changes found in HAProxy while the catalog was unchanged |
 * | held_removals | gauge | | removals currently held by the guard |
 * | degraded | gauge | code | 1 while a setting the guarantees depend on is missing |
 * | backoff_seconds | gauge | | delay before the next retry; 0 if the last pass succeeded |
 * | build_info | gauge | version, node | always 1 |
 *
 * Plus the default `process_*` and `nodejs_*` metrics.
 */
export function createMetrics(registry: Registry, lists: MetricLists): Metrics {
  collectDefaultMetrics({ register: registry });
  buildInfo(registry, lists.version);
  return {
    ...passMetrics(registry),
    ...serviceMetrics(registry),
    ...changeMetrics(registry, lists),
    ...stateMetrics(registry, lists),
    ...sourceMetrics(registry),
  };
}

function passMetrics(registry: Registry): Pick<Metrics, 'phase' | 'succeeded' | 'startupSynced'> {
  const durations = new Histogram({
    name: `${PREFIX}pass_duration_seconds`,
    help: 'Duration of each phase of a pass, by result of the pass.',
    labelNames: ['phase', 'result'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  for (const phase of PHASES) {
    for (const result of PASS_RESULTS) durations.zero({ phase, result });
  }
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
    startupSynced: (seconds) => startup.set(seconds),
  };
}

function serviceMetrics(registry: Registry): Pick<Metrics, 'services'> {
  const codes = Object.keys(SKIP_CODES);
  const states = labelledGauge(registry, {
    name: `${PREFIX}services`,
    help: 'Number of services by state.',
    label: 'state',
    values: ['routed', 'skipped'],
  });
  const skips = labelledGauge(registry, {
    name: `${PREFIX}services_skipped`,
    help: 'Number of skipped services by reason.',
    label: 'code',
    values: codes,
  });
  const restored = gauge(
    registry,
    'services_restored_ratio',
    'Share of wanted services that are routed; 1 means all.',
  );
  return {
    services: ({ routed, wanted, skipped }) => {
      states.set('routed', routed);
      states.set('skipped', skipped.length);
      for (const code of codes) skips.set(code, skipped.filter((one) => one === code).length);
      restored.set(wanted === 0 ? 1 : routed / wanted);
    },
  };
}

function changeMetrics(
  registry: Registry,
  { stepKinds, reloadReasons }: MetricLists,
): Pick<Metrics, 'planStep' | 'reload' | 'drift'> {
  const steps = labelledCounter(registry, {
    name: `${PREFIX}plan_steps_total`,
    help: 'Planned steps by kind.',
    label: 'kind',
    values: stepKinds,
  });
  const reloads = labelledCounter(registry, {
    name: `${PREFIX}reloads_total`,
    help: 'Requested HAProxy reloads by reason.',
    label: 'reason',
    values: reloadReasons,
  });
  const drift = new Counter({
    name: `${PREFIX}drift_total`,
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
  { degradedCodes }: MetricLists,
): Pick<Metrics, 'heldRemovals' | 'degraded' | 'backoff'> {
  const held = gauge(registry, 'held_removals', 'Removals currently held by the guard.');
  const degraded = labelledGauge(registry, {
    name: `${PREFIX}degraded`,
    help: '1 while a setting the guarantees depend on is missing in haproxy.cfg.',
    label: 'code',
    values: degradedCodes,
  });
  const backoff = gauge(
    registry,
    'backoff_seconds',
    'Delay before the next retry; 0 if the last pass succeeded.',
  );
  return {
    heldRemovals: (count) => held.set(count),
    degraded: (codes) => {
      degraded.reset();
      for (const code of codes) degraded.set(code, 1);
    },
    backoff: (seconds) => backoff.set(seconds),
  };
}

function sourceMetrics(registry: Registry): Pick<Metrics, 'wake' | 'streamConnected' | 'request'> {
  const wakes = labelledCounter(registry, {
    name: `${PREFIX}wakes_total`,
    help: 'Loop wake-ups by source.',
    label: 'source',
    values: WAKE_SOURCES,
  });
  const stream = gauge(
    registry,
    'event_stream_connected',
    "1 while Nomad's event stream is connected.",
  );
  const requests = new Counter({
    name: `${PREFIX}requests_total`,
    help: 'Requests to Nomad and the Data Plane API by status class.',
    labelNames: ['target', 'status'],
    registers: [registry],
  });
  for (const target of TARGETS) {
    for (const status of STATUS_CLASSES) requests.inc({ target, status }, 0);
  }
  return {
    wake: (source) => wakes.add(source),
    streamConnected: (connected) => stream.set(connected ? 1 : 0),
    request: (target, status) => requests.inc({ target, status }),
  };
}

function buildInfo(registry: Registry, version: string): void {
  new Gauge({
    name: `${PREFIX}build_info`,
    help: 'Version of the connector and of Node; always 1.',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version, node: process.versions.node }, 1);
}

function gauge(registry: Registry, name: string, help: string): Gauge {
  return new Gauge({ name: PREFIX + name, help, registers: [registry] });
}
