import { setTimeout as delay } from 'node:timers/promises';

import { isInstanceStep, isStructural } from '../diff/dispatch.js';
import { signMarker } from '../apply/stamp.js';
import { refreshServerState } from '../apply/state-file.js';
import { deleteDeadTransactions } from '../apply/transaction.js';
import type { ReloadReason, Step } from '../diff/types.js';
import { saveClaims } from './claims.js';
import { type Applied, applyUnlessConflict, type Done } from './commit.js';
import { applyContext, type PassContext, type WritingContext } from './context.js';
import { look, type View } from './look.js';
import { recoveryFrom } from './recover.js';
import { noticeHaproxy, rememberHaproxy, retryRefused } from './retry.js';
import { cameBackOther } from './unstable.js';

export interface Converged {
  /** Its plan holds the remaining steps. */
  readonly view: View;
  readonly steps: readonly Step[];
  readonly reloads: readonly ReloadReason[];
}

/** A commit is followed by a read back. Remaining differences are left to the next pass. */
const maxRounds = 3;
/** Conflicts with other writers that one pass retries before it fails. */
const maxConflicts = 3;

/** Without a writer (dry run) nothing is applied. */
export async function convergeIfWriting(context: PassContext, first: View): Promise<Converged> {
  const { writer, memory } = context.target;
  if (writer === undefined) return { view: first, steps: [], reloads: [] };
  const writing = { ...context, writer };
  const done: Done = { steps: [], reloads: [] };
  let view = await converge(writing, first, done);
  if (await retryRefused(writing, view, done)) {
    view = await converge(writing, await lookBack(writing), done);
  }
  await signUnlessConflict(writing, view);
  await saveClaims(writing, view);
  const { actual } = view;
  const known = memory.serverState ?? actual.global.serverState;
  await refreshServerState(applyContext(writing, actual), known, context.staysRunning);
  if (!memory.cleaned) {
    await deleteDeadTransactions({ client: writer, signal: context.signal }, actual.configVersion);
    memory.cleaned = true;
  }
  return { view, ...done };
}

/** Another writer was faster: the next pass signs. */
async function signUnlessConflict(context: WritingContext, { actual }: View): Promise<void> {
  try {
    await signMarker(applyContext(context, actual));
  } catch (error) {
    if (recoveryFrom(error) !== 'look-again') throw error;
  }
}

/** Applies and reads back until nothing is left to do, or the rounds are used up. */
async function converge(context: WritingContext, first: View, done: Done): Promise<View> {
  const { memory } = context.target;
  let view = first;
  let conflicts = 0;
  for (let left = maxRounds; left > 0 && view.plan.steps.length > 0; left--) {
    const waitMs = untilReload(context, view);
    if (waitMs > 0 && context.staysRunning) return gather(context, view, done);
    if (waitMs > 0) await delay(waitMs, undefined, { signal: context.signal });
    const before = view;
    const { rejected } = memory;
    const applied = await applyUnlessConflict(context, before, done, conflicts < maxConflicts);
    view = await lookBack(context, applied);
    if (applied === 'as-planned') view = await lookAtUnstable(context, before, view);
    if (applied === 'not') {
      conflicts++;
      // A write of the whole file that met another leaves a transaction of the Data Plane API's own.
      memory.cleaned = false;
    }
    // A conflict is a new read. A culprit is progress: the others are to be served in this pass.
    if (applied === 'not' || memory.rejected !== rejected) left++;
  }
  return view;
}

/** How long a plan has to wait for its reload: the first is immediate, the next come together. */
function untilReload({ target, settings, now }: WritingContext, { plan }: View): number {
  const { reloadedAt } = target.memory;
  if (reloadedAt === undefined || !plan.steps.some(isStructural)) return 0;
  const since = now() - reloadedAt;
  // A clock that was set back must not lengthen the wait.
  return since < 0 ? 0 : Math.max(0, settings.limits.reloadIntervalMs - since);
}

/** Instances don't wait for structural changes. */
async function gather(context: WritingContext, view: View, done: Done): Promise<View> {
  const steps = view.plan.steps.filter(isInstanceStep);
  let left = view;
  if (steps.length > 0) {
    const part = { ...view, plan: { ...view.plan, steps } };
    const applied = await applyUnlessConflict(context, part, done, true);
    left = await lookBack(context, applied);
  }
  return { ...left, plan: { ...left.plan, gathering: true } };
}

async function lookBack(context: WritingContext, applied?: Applied): Promise<View> {
  const { target, timed, signal } = context;
  const actual = await timed('actual', () => target.actual.read({ signal }));
  const notice = applied === 'not' ? noticeHaproxy : rememberHaproxy;
  notice(target.memory, actual);
  return look(context, actual);
}

/** Stops rewriting backends that read back differently from what was written. */
async function lookAtUnstable(context: WritingContext, before: View, view: View): Promise<View> {
  const { memory } = context.target;
  const found = cameBackOther(view.desired, before.plan, view.plan);
  if (Object.keys(found).length === 0) return view;
  memory.unstable = { ...memory.unstable, ...found };
  return look(context, view.actual);
}
