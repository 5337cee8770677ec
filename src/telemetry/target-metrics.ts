import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import { type DegradedCode, degradedCodes } from '../actual/normalise/degraded.js';
import { type LimitName, limitNames } from '../desired/limit-names.js';
import { type SkipCode, skipCodes } from '../desired/types.js';
import { type StepKind, stepKinds } from '../diff/steps.js';
import { type ProblemCode, problemCodes, type ReloadReason, reloadReasons } from '../diff/types.js';
import { type Phase, phases } from '../pass/phases.js';
import { errorCodes } from '../pass/recover.js';
import type { ErrorCode } from '../shared/errors.js';
import {
  type Common,
  type Commons,
  commonsOf,
  labelledCounters,
  labelledGauges,
} from './labels.js';

export const prefix = 'haproxy_nomad_connector_';

const timedPhases = [...phases, 'total'] as const;
const passOutcomes = ['noop', 'changed', 'failed', 'held'] as const;

export type PassOutcome = (typeof passOutcomes)[number];

export interface ServiceCounts {
  /** Services HAProxy routes to now. */
  readonly routed: number;
  /** Services it should route to: opted in and not skipped. */
  readonly wanted: number;
  readonly skipped: readonly SkipCode[];
  /** Limits that services exceed, once per service. */
  readonly limits?: readonly LimitName[];
}

/** Of one HAProxy's passes, or of the reads of Nomad that failed. */
export interface TargetMetrics {
  /** Duration of one phase, and the result of its pass. */
  readonly phase: (phase: Phase | 'total', result: PassOutcome, seconds: number) => void;
  /** A pass succeeded. `at`: milliseconds since the epoch. */
  readonly succeeded: (at: number, seconds: number) => void;
  /** A pass failed, or the read of Nomad. */
  readonly failed: (code: ErrorCode) => void;
  /** Time from process start to the first successful pass. */
  readonly startupSynced: (seconds: number) => void;
  readonly services: (counts: ServiceCounts) => void;
  readonly planStep: (kind: StepKind) => void;
  readonly reload: (reason: ReloadReason) => void;
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

/** The labels of the series: those of the targets, and of these and Nomad. */
interface Series {
  readonly ofTargets: Commons;
  readonly ofAll: Commons;
}

/** Series of Nomad beside those of several HAProxies. PromQL takes it for a missing label. */
const ofNomad: Common = { haproxy: '' };

export interface AllTargetMetrics {
  /** Of a target by name; any other name: of the reads of Nomad. */
  readonly of: (side: string) => TargetMetrics;
  readonly joined: (target: string) => void;
  /** Its series end. */
  readonly left: (target: string) => void;
}

/** Unless there is one target and always will be, each has series of its own, by the label `haproxy`. */
export function createTargetMetrics(
  registry: Registry,
  targets: readonly string[],
): AllTargetMetrics {
  const isOne = targets.length === 1;
  const labelNames = isOne ? [] : ['haproxy'];
  const first = isOne ? [{}] : targets.map((haproxy) => ({ haproxy }));
  const ofTargets = commonsOf(labelNames, first);
  const ofAll = isOne ? ofTargets : commonsOf(labelNames, [...first, ofNomad]);
  const series = { ofTargets, ofAll };
  const pass = passMetrics(registry, series);
  const service = serviceMetrics(registry, series);
  const change = changeMetrics(registry, series);
  const state = stateMetrics(registry, series);
  const known = new Set(targets);
  return {
    of: (side) => {
      const own = known.has(side) ? { haproxy: side } : ofNomad;
      const common = isOne ? {} : own;
      return { ...pass(common), ...service(common), ...change(common), ...state(common) };
    },
    joined: (haproxy) => {
      known.add(haproxy);
      for (const commons of [ofTargets, ofAll]) commons.add({ haproxy });
    },
    left: (haproxy) => {
      known.delete(haproxy);
      for (const commons of [ofTargets, ofAll]) commons.remove({ haproxy });
    },
  };
}

function passMetrics(registry: Registry, { ofTargets, ofAll }: Series) {
  const durations = new Histogram({
    name: `${prefix}pass_duration_seconds`,
    help: 'Duration of each phase of a pass, by result of the pass.',
    labelNames: ['phase', 'result', ...ofAll.labelNames],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  const each = timedPhases.flatMap((phase) => passOutcomes.map((result) => ({ phase, result })));
  ofAll.follow(
    (common) => each.forEach((labels) => durations.zero({ ...labels, ...common })),
    (common) => each.forEach((labels) => durations.remove({ ...labels, ...common })),
  );
  const failures = labelledCounters(
    registry,
    {
      name: `${prefix}failures_total`,
      help: 'Failed passes by error code.',
      label: 'code',
      values: errorCodes,
    },
    ofAll,
  );
  const success = gauge(
    registry,
    ofTargets,
    'last_success_timestamp_seconds',
    'Time of the last successful pass (Unix seconds).',
  );
  const duration = gauge(
    registry,
    ofTargets,
    'last_sync_duration_seconds',
    'Duration of the last successful pass.',
  );
  const startup = gauge(
    registry,
    ofTargets,
    'startup_sync_duration_seconds',
    'Time from process start to the first successful pass.',
  );
  return (
    common: Common,
  ): Pick<TargetMetrics, 'phase' | 'succeeded' | 'failed' | 'startupSynced'> => ({
    phase: (phase, result, seconds) => durations.observe({ phase, result, ...common }, seconds),
    succeeded: (at, seconds) => {
      success.set(common, at / 1000);
      duration.set(common, seconds);
    },
    failed: failures(common).add,
    startupSynced: (seconds) => startup.set(common, seconds),
  });
}

function serviceMetrics(registry: Registry, { ofTargets }: Series) {
  const states = labelledGauges(
    registry,
    {
      name: `${prefix}services`,
      help: 'Number of services by state.',
      label: 'state',
      values: ['routed', 'skipped'],
    },
    ofTargets,
  );
  const skips = labelledGauges(
    registry,
    {
      name: `${prefix}services_skipped`,
      help: 'Number of skipped services by reason.',
      label: 'code',
      values: skipCodes,
    },
    ofTargets,
  );
  const exceeded = labelledGauges(
    registry,
    {
      name: `${prefix}limit_exceeded`,
      help: 'Number of services that exceed a limit, by the name of the setting.',
      label: 'limit',
      values: limitNames,
    },
    ofTargets,
  );
  const restored = gauge(
    registry,
    ofTargets,
    'services_restored_ratio',
    'Share of wanted services that are routed; 1 means all.',
  );
  return (common: Common): Pick<TargetMetrics, 'services'> => ({
    services: ({ routed, wanted, skipped, limits = [] }) => {
      states(common).set('routed', routed);
      states(common).set('skipped', skipped.length);
      for (const code of skipCodes) {
        skips(common).set(code, skipped.filter((one) => one === code).length);
      }
      for (const limit of limitNames) {
        exceeded(common).set(limit, limits.filter((one) => one === limit).length);
      }
      restored.set(common, wanted === 0 ? 1 : routed / wanted);
    },
  });
}

function changeMetrics(registry: Registry, { ofTargets }: Series) {
  const steps = labelledCounters(
    registry,
    {
      name: `${prefix}plan_steps_total`,
      help: 'Planned steps by kind.',
      label: 'kind',
      values: stepKinds,
    },
    ofTargets,
  );
  const reloads = labelledCounters(
    registry,
    {
      name: `${prefix}reloads_total`,
      help: 'Requested HAProxy reloads by reason.',
      label: 'reason',
      values: reloadReasons,
    },
    ofTargets,
  );
  const drift = new Counter({
    name: `${prefix}drift_total`,
    help: 'Changes found in HAProxy while the Nomad catalog was unchanged.',
    labelNames: [...ofTargets.labelNames],
    registers: [registry],
  });
  ofTargets.follow(
    (common) => drift.inc(common, 0),
    (common) => drift.remove(common),
  );
  return (common: Common): Pick<TargetMetrics, 'planStep' | 'reload' | 'drift'> => ({
    planStep: steps(common).add,
    reload: reloads(common).add,
    drift: (changes) => drift.inc(common, changes),
  });
}

function stateMetrics(registry: Registry, { ofTargets }: Series) {
  const held = gauge(registry, ofTargets, 'held_removals', 'Removals currently held by the guard.');
  const since = gauge(
    registry,
    ofTargets,
    'held_since_timestamp_seconds',
    'Time at which held removals without a trace were first missed (Unix seconds); 0 if there are none.',
  );
  const degraded = labelledGauges(
    registry,
    {
      name: `${prefix}degraded`,
      help: '1 while a setting the guarantees depend on is missing in haproxy.cfg.',
      label: 'code',
      values: [...degradedCodes, ...problemCodes],
    },
    ofTargets,
  );
  const backoff = gauge(
    registry,
    ofTargets,
    'backoff_seconds',
    'Delay before the next retry; 0 if the last pass succeeded.',
  );
  return (
    common: Common,
  ): Pick<TargetMetrics, 'heldRemovals' | 'heldSince' | 'degraded' | 'backoff'> => ({
    heldRemovals: (count) => held.set(common, count),
    heldSince: (at) => since.set(common, at),
    degraded: (codes) => {
      degraded(common).reset();
      for (const code of codes) degraded(common).set(code, 1);
    },
    backoff: (seconds) => backoff.set(common, seconds),
  });
}

function gauge(registry: Registry, commons: Commons, name: string, help: string): Gauge {
  const labelNames = [...commons.labelNames];
  const made = new Gauge({ name: prefix + name, help, labelNames, registers: [registry] });
  commons.follow(
    (common) => made.set(common, 0),
    (common) => made.remove(common),
  );
  return made;
}
