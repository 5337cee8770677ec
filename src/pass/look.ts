import { readIdleSlots } from '../actual/idle.js';
import { requireMapFile } from '../actual/shared-map.js';
import type { ActualState } from '../actual/types.js';
import type { DesiredState, Rejection } from '../desired/types.js';
import { plan as makePlan } from '../diff/plan/plan.js';
import type { Plan } from '../diff/types.js';
import { keep } from '../shared/keep.js';
import type { PassContext } from './context.js';
import { desire } from './desire.js';
import { stillUnstable } from './unstable.js';

/** HAProxy as it is, as it should be, and what lies between. */
export interface View {
  readonly actual: ActualState;
  readonly desired: DesiredState;
  readonly plan: Plan;
}

/**
 * The desired state and the plan for what was read. `apart`: services that are treated as if
 * HAProxy had refused them, so what stands of them stays as it is.
 */
export async function look(
  context: PassContext,
  actual: ActualState,
  apart: Readonly<Record<string, Rejection>> = {},
): Promise<View> {
  requireMapFile(actual, context.settings);
  const desired = desiredState(context, apart);
  return { actual, desired, plan: await planFor(context, desired, actual) };
}

function desiredState(
  { target, catalog, settings, routeFiles, timed }: PassContext,
  apart: Readonly<Record<string, Rejection>>,
): DesiredState {
  const { memory } = target;
  const rejected = { ...memory.rejected, ...apart };
  const read = timed('desired', () =>
    desire({ catalog, settings, rejected, routes: routeFiles() }),
  );
  return keep(memory.pictures[0]?.desired, read);
}

async function planFor(
  { target, catalog, hidden, settings, now, timed, signal }: PassContext,
  desired: DesiredState,
  actual: ActualState,
): Promise<Plan> {
  const { client, memory } = target;
  const seconds = Math.floor(now() / 1000);
  const idle = await timed('actual', () => readIdleSlots(client, actual, seconds, signal));
  return timed('diff', () =>
    makePlan({
      ...{ catalog, hidden, desired, actual, settings, idle },
      now: seconds,
      unstable: stillUnstable(memory.unstable, desired),
      ...(memory.held === undefined ? {} : { confirms: memory.held }),
    }),
  );
}
