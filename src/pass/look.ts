import { requireNoOther } from '../actual/other-connectors.js';
import { requireMapFile } from '../actual/shared-map.js';
import type { ActualState } from '../actual/types.js';
import type { Settings } from '../config/types.js';
import type { DesiredState, Rejection } from '../desired/types.js';
import { planInSlices } from '../diff/plan/plan.js';
import type { Plan } from '../diff/types.js';
import type { OwnEndpoint } from '../haproxy/own-endpoints.js';
import { keep, keepInSlices } from '../shared/keep.js';
import { breathe, runInSlices } from '../shared/slices.js';
import { knownClaims } from './claims.js';
import type { PassContext } from './context.js';
import { desireInSlices } from './desire.js';
import { planWithIdle } from './idle-slots.js';
import { msUntilReload } from './reload-wait.js';
import { stillUnstable } from './unstable.js';

/** HAProxy's actual and desired state, and the difference. */
export interface View {
  readonly actual: ActualState;
  readonly desired: DesiredState;
  readonly plan: Plan;
}

/**
 * The desired state and the plan for what was read. `rejected`: services HAProxy refused, or
 * treated as refused. Their current state is kept.
 */
export async function look(
  context: PassContext,
  actual: ActualState,
  rejected: Readonly<Record<string, Rejection>> = refusalsOf(context),
): Promise<View> {
  const { settings, staysRunning } = context;
  requireMapFile(actual, settings);
  requireNoOther(actual, settings, !staysRunning && settings.guard.allowRemovals);
  const endpoints = (await context.endpoints?.()) ?? [];
  const inForce = { ...context, settings: withPolicy(context) };
  const desired = await desiredState(inForce, actual, endpoints, rejected);
  return { actual, desired, plan: await planFor(inForce, desired, actual) };
}

/** What this HAProxy refused, and what is to stay as it is for another reason. */
export function refusalsOf(
  { apart, target: { memory } }: Pick<PassContext, 'apart' | 'target'>,
  own: Readonly<Record<string, Rejection>> = memory.rejected,
): Readonly<Record<string, Rejection>> {
  return apart === undefined ? own : memory.derived.refusals(own, apart);
}

/** With the policy as its file says it now. The same object as long as that says the same. */
function withPolicy({ settings, policy, target: { memory } }: PassContext): Settings {
  if (policy === undefined) return settings;
  memory.settings = keep(memory.settings, { ...settings, policy: policy() });
  return memory.settings;
}

async function desiredState(
  { target, catalog, settings, routeFiles, readAt, timed }: PassContext,
  actual: ActualState,
  endpoints: readonly OwnEndpoint[],
  rejected: Readonly<Record<string, Rejection>>,
): Promise<DesiredState> {
  const { memory } = target;
  await breathe();
  const claims = knownClaims(memory, actual, settings);
  await breathe();
  const input = {
    ...{ catalog, settings, rejected, endpoints, claims, routes: routeFiles(), now: readAt },
  };
  const read = await timed('desired', () => {
    const { frontends, backends, raw } = actual;
    const facts = memory.derived.facts(frontends, backends, raw, settings.ownership);
    return runInSlices(desireInSlices({ ...input, facts }, memory.desired));
  });
  return runInSlices(keepInSlices(memory.pictures[0]?.desired, read));
}

async function planFor(
  context: PassContext,
  desired: DesiredState,
  actual: ActualState,
): Promise<Plan> {
  const { target, catalog, hidden, ended, readAt, settings, passed, now, timed } = context;
  const { memory } = target;
  await breathe();
  const input = {
    ...{ catalog, hidden, ended, desired, actual, settings },
    now: Math.floor(now() / 1000),
    nowMs: readAt,
    ...(passed === undefined ? {} : { passed: passed(target.name) }),
    unstable: stillUnstable(memory.unstable, desired),
    reloadWaits:
      context.mayNotReload === true ||
      (context.staysRunning && msUntilReload(context) !== undefined),
    ...(memory.descriptors === undefined ? {} : { refused: memory.descriptors }),
    ...(memory.held === undefined ? {} : { confirms: memory.held }),
    ...(memory.absences === undefined ? {} : { absences: memory.absences }),
  };
  return planWithIdle(context, actual, (idle) =>
    timed('diff', () => runInSlices(planInSlices({ ...input, idle }, memory.plan))),
  );
}
