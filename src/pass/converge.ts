import { setTimeout as delay } from 'node:timers/promises';

import { isEntryStep, isInstanceStep, isOpening, isStructural } from '../diff/dispatch.js';
import { signMarker } from '../apply/stamp.js';
import { refreshServerState } from '../apply/state-file.js';
import { deleteDeadTransactions } from '../apply/transaction.js';
import { effectOf } from '../diff/steps.js';
import type { ReloadReason, SlotStep, Step } from '../diff/types.js';
import { saveClaims } from './claims.js';
import { type Applied, applyUnlessConflict, type Done } from './commit.js';
import { applyContext, type PassContext, type WritingContext } from './context.js';
import { askBetweenPasses } from './idle-slots.js';
import { look, type View } from './look.js';
import { readRepaired } from './read-actual.js';
import { recoveryFrom } from './recover.js';
import { msUntilReload } from './reload-wait.js';
import { breathe } from '../shared/slices.js';
import { sayReady } from './ready.js';
import { noticeHaproxy, rememberHaproxy, retryRefused } from './retry.js';
import { cameBackOther, misreadIn } from './unstable.js';
import { isSafePart, refusedElsewhere, withoutServices } from './part.js';
import { wantedOf } from './verdict.js';
import type { Turn } from '../rollout/rollout.js';

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
  context.approval?.requireSame({ target: context.target.name, ...first });
  const done: Done = { steps: [], reloads: [] };
  let view = await converge(writing, first, done);
  if (await retryRefused(writing, view, done)) {
    view = await converge(writing, await lookBack(writing), done);
  }
  await breathe();
  await signUnlessConflict(writing, view);
  await breathe();
  await saveClaims(writing, view);
  const { actual } = view;
  const known = memory.serverState ?? actual.global.serverState;
  await refreshServerState(applyContext(writing, actual), known, (backends) =>
    memory.derived.stateFile(backends, context.staysRunning),
  );
  if (!memory.cleaned) {
    await deleteDeadTransactions({ client: writer, signal: context.signal }, actual.configVersion);
    memory.cleaned = true;
  }
  await sayReady(writing, view);
  askBetweenPasses(writing, actual);
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
async function converge(given: WritingContext, first: View, done: Done): Promise<View> {
  let context = given;
  const { memory, name } = context.target;
  // What another writer left in the meantime was not approved.
  const mayRetry = context.approval === undefined ? maxConflicts : 0;
  let view = first;
  let conflicts = 0;
  for (let left = maxRounds; left > 0 && view.plan.steps.length > 0; left--) {
    const isStructure = view.plan.steps.some(isStructural);
    const waitMs = isStructure ? msUntilReload(context) : undefined;
    if (waitMs !== undefined && context.staysRunning) return gather(context, view, done, waitMs);
    if (waitMs !== undefined) await delay(waitMs, undefined, { signal: context.signal });
    const turn = isStructure
      ? context.rollout?.ask(name, wantedOf(view), context.isPart)
      : undefined;
    if (turn !== undefined && turn.kind !== 'go') {
      view = await beforeTurn(context, view, done, turn);
      if (context.staysRunning || context.isPart === true) return view;
      await context.rollout?.called(name, turn.afterMs, context.signal);
      // Others may have refused something meanwhile.
      context = { ...context, ...refusedElsewhere(context, view.actual) };
      view = await lookBack(context);
      left++;
      continue;
    }
    const before = view;
    const { rejected } = memory;
    const applied = await applyUnlessConflict(context, before, done, conflicts < mayRetry).finally(
      () => context.rollout?.leave(name),
    );
    view = await lookBack(context, applied, before);
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

/** What needs no verdict of another HAProxy, nor a turn. */
async function beforeTurn(
  context: WritingContext,
  view: View,
  done: Done,
  turn: Exclude<Turn, { readonly kind: 'go' }>,
): Promise<View> {
  const services = turn.kind === 'part' ? turn.services : [];
  const left =
    (await convergeWithout(context, view, done, turn)) ??
    (await gatherUntilTurn(context, view, done, turn.afterMs));
  const { plan } = left;
  if (plan.steps.length === 0) return left;
  const rollout = { for: turn.for, services };
  const afterMs = Math.min(turn.afterMs, plan.gathering?.afterMs ?? Infinity);
  return { ...left, plan: { ...plan, gathering: { afterMs, rollout } } };
}

/** Undefined: the others can't go alone. */
async function convergeWithout(
  context: WritingContext,
  view: View,
  done: Done,
  turn: Turn,
): Promise<View | undefined> {
  if (turn.kind !== 'part') return undefined;
  const part = withoutServices(context, view, turn.services);
  const others = await look(part, view.actual);
  if (!isSafePart(others.plan, view.plan, turn.isLate)) return undefined;
  const { actual } = others.plan.steps.length === 0 ? others : await converge(part, others, done);
  return look({ ...context, mayNotReload: true }, actual);
}

/** The plan counts on no reload: what one would have placed is placed now. */
async function gatherUntilTurn(
  context: WritingContext,
  { actual }: View,
  done: Done,
  afterMs: number,
): Promise<View> {
  const waiting = { ...context, mayNotReload: true } as const;
  return gather(waiting, await look(waiting, actual), done, afterMs);
}

/** Instances don't wait for structural changes. */
async function gather(
  context: WritingContext,
  view: View,
  done: Done,
  afterMs: number,
): Promise<View> {
  const entries = view.plan.steps.filter(isEntryStep);
  // The maps that checks read change with the reload: until then a new instance's check isn't known.
  const unread = new Set(
    entries.filter(({ when }) => when === 'with-commit').map(({ key }) => key),
  );
  const isKnown = (step: SlotStep): boolean =>
    effectOf(step.kind) !== 'create' || !unread.has(step.slot.name);
  const steps = view.plan.steps
    .filter(isInstanceStep)
    .filter((step) => isOpening(step) || isKnown(step));
  let left = view;
  if (steps.length > 0) {
    const part = { ...view, plan: { ...view.plan, steps } };
    const applied = await applyUnlessConflict(context, part, done, true);
    left = await lookBack(context, applied, part);
  }
  return { ...left, plan: { ...left.plan, gathering: { afterMs } } };
}

async function lookBack(context: WritingContext, applied?: Applied, before?: View): Promise<View> {
  const { catalog, onWritten, target, timed, signal } = context;
  const actual = await timed('actual', () => readRepaired(target, false, signal));
  const notice = applied === 'not' ? noticeHaproxy : rememberHaproxy;
  notice(target.memory, actual);
  // Once it has left, another one may have its name.
  if (before !== undefined && applied === 'as-planned' && !signal.aborted) {
    const { desired, plan } = before;
    onWritten?.({ target: target.name, catalog, desired, actual, steps: plan.steps });
  }
  return look({ ...context, looksBack: true }, actual);
}

/**
 * Of backends that read back differently from what was written, those that were written as text are
 * left to the Data Plane API, in this pass. The others aren't rewritten.
 */
async function lookAtUnstable(context: WritingContext, before: View, view: View): Promise<View> {
  const { memory } = context.target;
  const misread = misreadIn(memory.asText, view.plan);
  memory.misread = [...memory.misread, ...misread];
  const others = { ...view.plan, steps: view.plan.steps.filter(isNotAbout(misread)) };
  const found = cameBackOther(view.desired, before.plan, others);
  if (Object.keys(found).length === 0) return view;
  memory.unstable = { ...memory.unstable, ...found };
  return look(context, view.actual);
}

function isNotAbout(backends: readonly string[]): (step: Step) => boolean {
  const names = new Set(backends);
  return (step) => !('backend' in step) || !names.has(step.backend);
}
