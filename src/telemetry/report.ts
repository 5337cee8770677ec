import type { WakeSource } from '../loop/controller.js';
import { reloadsOf } from '../diff/print/print.js';
import type { ConnectorError } from '../shared/errors.js';
import type { PassResult, Phase } from '../pass/pass.js';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';
import { createWarnOnce } from './warn-once.js';

export interface Reporter {
  readonly woke: (source: WakeSource) => void;
  readonly phase: (phase: Phase, ms: number) => void;
  /** Before a pass; its log lines carry its number. */
  readonly began: () => void;
  readonly succeeded: (result: PassResult) => void;
  readonly failed: (error: ConnectorError) => void;
}

interface Warning {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a pass came to, told to people (logs) and programs (metrics). A no-op is a debug line. */
export function createReporter(logger: Logger, metrics: Metrics): Reporter {
  const started = Date.now();
  const warnings = createWarnOnce<Warning>(({ message, fields }) => logger.warn(message, fields));
  let phases: [Phase, number][] = [];
  let pass = 0;
  let passStart = started;
  let lastIndex: number | undefined;
  let synced = false;
  let heldBefore = false;

  function took(result: 'noop' | 'changed' | 'failed' | 'held'): number {
    for (const [phase, ms] of phases) metrics.phase(phase, result, ms / 1000);
    const total = Date.now() - passStart;
    metrics.phase('total', result, total / 1000);
    return total;
  }

  function succeeded(result: PassResult): void {
    const changed = result.steps.length > 0;
    const ms = took(result.rest.held ? 'held' : changed ? 'changed' : 'noop');
    count(metrics, result, lastIndex);
    lastIndex = result.catalog.index;
    metrics.succeeded(Date.now(), ms / 1000);
    metrics.backoff(0);
    if (!synced) metrics.startupSynced((Date.now() - started) / 1000);
    synced = true;
    const fields = { pass, durationMs: ms, nomadIndex: result.catalog.index };
    if (changed) {
      const reloads = reloadsOf(result.plan).map(({ reason }) => reason);
      logger.info('HAProxy changed', { ...fields, steps: result.steps.length, reloads });
    } else {
      logger.debug('nothing to do', fields);
    }
    const now = warningsOf(result, heldBefore);
    warnings.update(now.map((value) => ({ key: JSON.stringify(value), value })));
    heldBefore = result.rest.held !== undefined;
  }

  return {
    woke: (source) => metrics.wake(source),
    phase: (phase, ms) => phases.push([phase, ms]),
    began: () => {
      pass += 1;
      passStart = Date.now();
      phases = [];
    },
    succeeded,
    failed: (error) => {
      const durationMs = took('failed');
      logger.error('pass failed', { pass, durationMs, error });
    },
  };
}

function count(metrics: Metrics, result: PassResult, lastIndex: number | undefined): void {
  const { desired, rest, plan, catalog } = result;
  for (const { kind } of result.steps) metrics.planStep(kind);
  for (const reason of result.reloads) metrics.reload(reason);
  // The end of a drain is no drift.
  const drift = plan.steps.filter(({ kind }) => kind !== 'free-slot').length;
  if (catalog.index === lastIndex) metrics.drift(drift);
  metrics.services({
    routed: desired.backends.length,
    wanted: desired.backends.length,
    skipped: rest.skipped.map(({ code }) => code),
  });
  metrics.heldRemovals((rest.held?.instances.length ?? 0) + (rest.held?.backends.length ?? 0));
  metrics.degraded([
    ...result.degraded.map(({ code }) => code),
    ...rest.problems.map(({ code }) => code),
  ]);
}

/** One that the next read, within a second, confirms is in the ordinary course of things. */
function heldWarning({ held }: PassResult['rest'], heldBefore: boolean): Warning[] {
  if (held === undefined || (held.releasable && !heldBefore)) return [];
  return [{ message: 'removals held', fields: { reason: held.reason, instances: held.instances } }];
}

/** Each is said once, until it goes away and comes back. */
function warningsOf({ catalog, rest, degraded }: PassResult, heldBefore: boolean): Warning[] {
  return [
    ...rest.skipped.map(({ service, code, reason }) => ({
      message: 'service skipped',
      fields: { service, code, reason },
    })),
    ...rest.warnings.map(({ service, code, message }) => ({
      message: 'service warning',
      fields: { service, code, detail: message },
    })),
    ...catalog.warnings.map(({ code, subject, message }) => ({
      message: 'catalog warning',
      fields: { code, subject, detail: message },
    })),
    ...degraded.map(({ code, message }) => ({
      message: 'degraded',
      fields: { code, detail: message },
    })),
    ...rest.problems.map(({ code, message }) => ({
      message: 'problem',
      fields: { code, detail: message },
    })),
    ...heldWarning(rest, heldBefore),
  ];
}
