import { changeLines, keptChanges } from '../../../diff/print/changes.js';
import { reloadsOf } from '../../../diff/print/print.js';
import type { Plan, Step } from '../../../diff/types.js';
import type { Picture } from '../../../pass/picture.js';
import type { PassRecord } from './input.js';
import type { KeptChanges, PassStatus, PendingPlan } from './types.js';

/** A first pass over thousands of services has tens of thousands of steps. */
const maxSteps = 200;

export function passOf(record: PassRecord): PassStatus {
  const { startedAt, endedAt, phases } = record.times;
  const common = { at: endedAt, durationMs: endedAt - startedAt, phases };
  if ('failure' in record) {
    const { code, reason } = record.failure;
    const nothing = { steps: 0, changes: [], reloads: [] };
    return { ...common, result: 'failed', ...nothing, error: { code, reason } };
  }
  const { plan, steps, reloads } = record;
  const changes = firstChanges(plan, steps);
  return { ...common, result: 'changed', steps: steps.length, changes, reloads };
}

export function pendingOf(picture: Picture | undefined): PendingPlan {
  if (picture === undefined) return { steps: 0, changes: [], reloads: [], waiting: 0 };
  const { rest } = picture;
  return {
    steps: rest.steps.length,
    changes: firstChanges(rest, rest.steps),
    reloads: [...new Set(reloadsOf(rest).map(({ code }) => code))],
    ...(rest.gathering === undefined ? {} : { afterMs: rest.gathering.afterMs }),
    ...(rest.gathering?.rollout === undefined ? {} : { waitsFor: rest.gathering.rollout.for }),
    waiting: rest.waiting.length,
    ...(rest.kept === undefined ? {} : { kept: keptOf(rest.kept) }),
  };
}

function keptOf(steps: readonly Step[]): KeptChanges {
  const changes = keptChanges(steps);
  return { steps: changes.length, changes: changes.slice(0, maxSteps) };
}

function firstChanges(plan: Plan, steps: readonly Step[]): readonly string[] {
  return changeLines({ ...plan, steps: steps.slice(0, maxSteps) }).slice(0, maxSteps);
}
