import type { WakeSource } from '../loop/wake-sources.js';
import { isOpening } from '../diff/dispatch.js';
import { changeLines } from '../diff/print/changes.js';
import type { Picture } from '../pass/picture.js';
import { type Failure, nomadSide, type Side } from '../pass/run.js';
import type { Times } from '../pass/stopwatch.js';
import { serviceFigures } from './figures.js';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';
import type { PassOutcome, TargetMetrics } from './target-metrics.js';
import { nodesOf } from './behind.js';
import { createWarnOnce, type WarnOnce } from './warn-once.js';
import { type Warning, warningsOf } from './warnings.js';

export interface Reporter {
  readonly woke: (source: WakeSource) => void;
  readonly succeeded: (picture: Picture) => void;
  /** `waitMs`: delay before the failed side is retried. */
  readonly failed: (failure: Failure, waitMs: number) => void;
  readonly joined: (target: string) => void;
  readonly left: (target: string) => void;
}

/** Maximum number of changes in one log line. */
const maxLines = 50;

/** What was already reported about one target. */
interface Told {
  readonly warnings: WarnOnce<Warning>;
  readonly metrics: TargetMetrics;
  last?: Picture;
}

/**
 * Reports the result of a pass in logs and metrics. A no-op is logged at debug level. Unless there is
 * one target and always will be, a line says which one it is about.
 */
export function createReporter(
  logger: Logger,
  metrics: Metrics,
  targets: readonly string[],
): Reporter {
  const started = Date.now();
  const told = new Map<string, Told>();
  const waits = new Map<Side, number>();
  const nomad = metrics.of(nomadSide);
  const isOne = targets.length === 1;
  const names = new Set(targets);
  let pass = 0;

  function toldOf(target: string): Told {
    const known = told.get(target) ?? {
      metrics: metrics.of(target),
      warnings: createWarnOnce(({ message, fields, more }: Warning) =>
        logger.warn(message, { ...where(target), ...fields, ...more }),
      ),
    };
    told.set(target, known);
    return known;
  }

  function where(target: string): { target?: string } {
    return isOne ? {} : { target };
  }

  function waiting(side: Side, ms: number): void {
    // A target was tried, so Nomad answers again.
    waits.delete(nomadSide);
    waits.set(side, ms);
    const ofNomad = waits.get(nomadSide) ?? 0;
    for (const target of names) {
      toldOf(target).metrics.backoff(Math.max(ofNomad, waits.get(target) ?? 0) / 1000);
    }
  }

  function succeeded(picture: Picture): void {
    const { target, steps, catalog, rest, times } = picture;
    const before = toldOf(target);
    const changed = steps.length > 0;
    const { metrics: own } = before;
    const ms = took(own, times, rest.held ? 'held' : changed ? 'changed' : 'noop');
    count(own, picture, before.last);
    own.succeeded(times.endedAt, ms / 1000);
    waiting(target, 0);
    if (before.last === undefined) own.startupSynced((Date.now() - started) / 1000);
    const fields = { pass: ++pass, ...where(target), durationMs: ms, nomadIndex: catalog.index };
    if (changed) logger.info('HAProxy changed', { ...fields, ...changesOf(picture) });
    else logger.debug('nothing to do', fields);
    const now = warningsOf(picture, before.last);
    before.warnings.update(now.map((value) => ({ key: keyOf(value), value })));
    before.last = picture;
  }

  return {
    woke: (source) => metrics.wake(source),
    succeeded,
    joined: (target) => names.add(target),
    left: (target) => {
      names.delete(target);
      told.delete(target);
      waits.delete(target);
    },
    failed: ({ side, error, times }, waitMs) => {
      const own = side === nomadSide ? nomad : toldOf(side).metrics;
      const durationMs = took(own, times, 'failed');
      own.failed(error.code);
      waiting(side, waitMs);
      logger.error('pass failed', { pass: ++pass, side, durationMs, retryMs: waitMs, error });
    },
  };
}

function keyOf({ message, fields }: Warning): string {
  return JSON.stringify([message, fields]);
}

function changesOf({ steps, reloads, plan, catalog }: Picture) {
  const changes = changeLines({ ...plan, steps }, nodesOf(catalog));
  return {
    steps: steps.length,
    reloads,
    changes: changes.slice(0, maxLines),
    ...(changes.length > maxLines ? { moreChanges: changes.length - maxLines } : {}),
  };
}

function took(metrics: TargetMetrics, times: Times, result: PassOutcome): number {
  for (const [phase, ms] of Object.entries(times.phases)) {
    metrics.phase(phase as keyof Times['phases'], result, ms / 1000);
  }
  const total = times.endedAt - times.startedAt;
  metrics.phase('total', result, total / 1000);
  return total;
}

function count(metrics: TargetMetrics, picture: Picture, last: Picture | undefined): void {
  const { rest, plan, catalog } = picture;
  for (const { kind } of picture.steps) metrics.planStep(kind);
  for (const reason of picture.reloads) metrics.reload(reason);
  // The end of a drain isn't drift, nor is a server whose check passed.
  const drift = plan.steps.filter((step) => step.kind !== 'free-slot' && !isOpening(step)).length;
  const isLeft = last?.rest.gathering !== undefined;
  // Its index alone doesn't tell: that of the services is the same while a new job has no instance.
  if (catalog === last?.catalog && !isLeft) metrics.drift(drift);
  metrics.services(serviceFigures(picture));
  metrics.heldRemovals((rest.held?.instances.length ?? 0) + (rest.held?.backends.length ?? 0));
  metrics.heldSince(rest.held?.lasting?.since ?? 0);
  metrics.degraded([
    ...picture.degraded.map(({ code }) => code),
    ...rest.problems.map(({ code }) => code),
  ]);
}
