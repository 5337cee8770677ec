import { apply } from '../apply/apply.js';
import { reloadAsItIs } from '../apply/reload.js';
import { refreshServerState } from '../apply/state-file.js';
import { deleteDeadTransactions } from '../apply/transaction.js';
import { reloadsOf } from '../diff/print/print.js';
import type { ReloadReason, Step } from '../diff/types.js';
import type { ConnectorError } from '../shared/errors.js';
import { applyContext, type PassContext, type WritingContext } from './context.js';
import { applyWithout, type Attempts, isolate } from './isolate.js';
import { look, type View } from './look.js';
import { recoverRefusal, recoveryFrom } from './recover.js';
import { candidatesOf, namedIn } from './rejections.js';
import { cameBackOther } from './unstable.js';

export interface Converged {
  /** What is left to do is in its plan. */
  readonly view: View;
  readonly steps: readonly Step[];
  readonly reloads: readonly ReloadReason[];
}

/** After a commit comes a read back; what is not as planned by then is the next pass's work. */
const maxRounds = 3;
/** How often a pass looks again because another writer was faster; then it fails, and waits. */
const maxConflicts = 3;

/** Nothing is written without a writer: a dry run ends where it began. */
export async function convergeIfWriting(context: PassContext, first: View): Promise<Converged> {
  const { writer, memory } = context.target;
  if (writer === undefined) return { view: first, steps: [], reloads: [] };
  const writing = { ...context, writer };
  const converged = await converge(writing, first);
  const { actual } = converged.view;
  const known = memory.serverState ?? actual.global.serverState;
  await refreshServerState(applyContext(writing, actual), known, context.staysRunning);
  return converged;
}

/** Applies and reads back until nothing is left to do, or the rounds are used up. */
async function converge(context: WritingContext, first: View): Promise<Converged> {
  const { memory } = context.target;
  const done = { steps: [] as Step[], reloads: [] as ReloadReason[] };
  let view = first;
  let conflicts = 0;
  for (let left = maxRounds; left > 0 && view.plan.steps.length > 0; left--) {
    const before = view;
    const refused = Object.keys(memory.rejected).length;
    const applied = await applyUnlessConflict(context, before, done, conflicts < maxConflicts);
    view = await look(context, await readBack(context));
    if (applied) {
      const found = cameBackOther(view.desired, before.plan, view.plan);
      memory.unstable = { ...memory.unstable, ...found };
    } else {
      conflicts++;
    }
    // A conflict is a new read. A culprit is progress: the others are to be served in this pass.
    if (!applied || Object.keys(memory.rejected).length > refused) left++;
  }
  return { view, ...done };
}

interface Done {
  readonly steps: Step[];
  readonly reloads: ReloadReason[];
}

function readBack({ target, timed, signal }: WritingContext) {
  return timed('actual', () => target.actual.read({ signal }));
}

/** False: another writer was faster, and what it left is to be read and planned for. */
async function applyUnlessConflict(
  context: WritingContext,
  view: View,
  done: Done,
  mayLookAgain: boolean,
): Promise<boolean> {
  try {
    await applyOrIsolate(context, view, done);
    return true;
  } catch (error) {
    if (recoveryFrom(error) !== 'look-again' || !mayLookAgain) throw error;
    return false;
  }
}

/** A configuration that is refused costs only the services that caused it. */
async function applyOrIsolate(context: WritingContext, view: View, done: Done): Promise<void> {
  try {
    await commit(context, view, done);
  } catch (error) {
    const refusal = await recoverRefusal(context, error);
    const attempts = attemptsOf(context, done);
    const candidates = candidatesOf(view.desired, view.plan);
    if (namedIn(candidates, refusal.message).length > 0) {
      return isolate(attempts, candidates, refusal);
    }
    await requireSound(context, refusal);
    // Another writer's part, like a port that is in use, may have gone with the roll-back.
    await applyWithout(attempts, candidates, []);
  }
}

async function commit(context: WritingContext, { actual, plan }: View, done: Done): Promise<void> {
  const { target, timed, writer, signal } = context;
  const result = await timed('apply', () => apply(applyContext(context, actual), plan));
  const isDone = ({ kind }: Step): boolean => !result.prepared || kind === 'create-map';
  done.steps.push(...plan.steps.filter(isDone));
  if (result.prepared) target.actual.forget();
  if (!result.reloaded) return;
  // One reload, however many reasons: the first is the one that counts.
  const [reload] = reloadsOf(plan);
  if (reload !== undefined) done.reloads.push(reload.code);
  await deleteDeadTransactions({ client: writer, signal }, actual.configVersion + 1);
}

/** What is refused without our changes too is no service's fault. */
async function requireSound(context: WritingContext, refusal: ConnectorError): Promise<void> {
  const actual = await context.target.actual.read({ full: true, signal: context.signal });
  try {
    await reloadAsItIs(applyContext(context, actual));
  } catch (error) {
    await recoverRefusal(context, error);
    throw refusal;
  }
}

function attemptsOf(context: WritingContext, done: Done): Attempts {
  const { actual, memory } = context.target;
  return {
    read: () => actual.read({ full: true, signal: context.signal }),
    look: (read, apart) => look(context, read, apart),
    commit: (view) => commit(context, view, done),
    recoverRefusal: (error) => recoverRefusal(context, error),
    remember: (rejected) => {
      memory.rejected = { ...memory.rejected, ...rejected };
    },
  };
}
