import { apply, mapsOf } from '../apply/apply.js';
import { reloadAsItIs } from '../apply/reload.js';
import { deleteDeadTransactions } from '../apply/transaction.js';
import { isNewMap } from '../diff/dispatch.js';
import { reloadsOf } from '../diff/print/print.js';
import type { ReloadReason, Step } from '../diff/types.js';
import type { ConnectorError } from '../shared/errors.js';
import { applyContext, type WritingContext } from './context.js';
import { applyWithout, type Attempts, isolate } from './isolate.js';
import { look, type View } from './look.js';
import { recoverRefusal, recoveryFrom } from './recover.js';
import { refused } from './refusals.js';
import { candidatesOf, namedIn } from './rejections.js';

/** What a pass has done so far. */
export interface Done {
  readonly steps: Step[];
  readonly reloads: ReloadReason[];
}

/**
 * | applied | the plan |
 * |---|---|
 * | as-planned | all of it |
 * | prepared | only what has to be there before the rest can be planned |
 * | in-parts | it was refused: what is not to blame, in plans of its own |
 * | not | another writer was faster: what it left is to be read and planned for |
 */
export type Applied = 'as-planned' | 'prepared' | 'in-parts' | 'not';

export async function applyUnlessConflict(
  context: WritingContext,
  view: View,
  done: Done,
  mayLookAgain: boolean,
): Promise<Applied> {
  try {
    return await applyOrIsolate(context, view, done);
  } catch (error) {
    if (recoveryFrom(error) !== 'look-again' || !mayLookAgain) throw error;
    return 'not';
  }
}

/** A configuration that is refused costs only the services that caused it. */
async function applyOrIsolate(context: WritingContext, view: View, done: Done): Promise<Applied> {
  try {
    return await commit(context, view, done);
  } catch (error) {
    const refusal = await recoverRefusal(context, error);
    await applyInParts(context, view, done, refusal);
    return 'in-parts';
  }
}

async function applyInParts(
  context: WritingContext,
  view: View,
  done: Done,
  refusal: ConnectorError,
): Promise<void> {
  const attempts = attemptsOf(context, done);
  const candidates = candidatesOf(view.desired, view.plan);
  if (namedIn(candidates, refusal.message).length > 0) {
    return isolate(attempts, candidates, refusal);
  }
  await requireSound(context, refusal);
  // Another writer's part, like a port that is in use, may have gone with the roll-back.
  await applyWithout(attempts, candidates, []);
}

export async function commit(
  context: WritingContext,
  { actual, plan }: View,
  done: Done,
): Promise<'as-planned' | 'prepared'> {
  const { target, timed, writer, signal } = context;
  // Even if it fails: what was read of these maps may no longer be so.
  target.actual.forget(mapsOf(plan));
  const result = await timed('apply', () => apply(applyContext(context, actual), plan));
  const isDone = (step: Step): boolean => !result.prepared || isNewMap(step);
  done.steps.push(...plan.steps.filter(isDone));
  if (result.prepared) target.actual.forget();
  if (!result.reloaded) return result.prepared ? 'prepared' : 'as-planned';
  // One reload, however many reasons: the first is the one that counts.
  const [reload] = reloadsOf(plan);
  if (reload !== undefined) done.reloads.push(reload.code);
  await deleteDeadTransactions({ client: writer, signal }, actual.configVersion + 1);
  return 'as-planned';
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
    look: (read, apart) => look(context, read, { ...memory.rejected, ...apart }),
    commit: async (view) => {
      await commit(context, view, done);
    },
    recoverRefusal: (error) => recoverRefusal(context, error),
    remember: (found) => {
      memory.rejected = refused(memory.rejected, found, context.now());
    },
  };
}
