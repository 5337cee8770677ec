import { apply, mapsOf } from '../apply/apply.js';
import { reloadAsItIs } from '../apply/reload.js';
import { deleteDeadTransactions } from '../apply/transaction.js';
import { descriptorRefusal } from '../diff/plan/descriptors.js';
import { isNewMap } from '../diff/dispatch.js';
import { reloadsOf } from '../diff/print/print.js';
import type { ReloadReason, Step } from '../diff/types.js';
import type { ConnectorError } from '../shared/errors.js';
import { applyContext, type WritingContext } from './context.js';
import { applyWithout, type Attempts, isolate } from './isolate.js';
import { look, refusalsOf, type View } from './look.js';
import { recoverRefusal, recoveryFrom } from './recover.js';
import { refused } from './refusals.js';
import { candidatesOf, namedIn } from './rejections.js';

/** What a pass has done so far. */
export interface Done {
  readonly steps: Step[];
  readonly reloads: ReloadReason[];
}

/**
 * | applied | meaning |
 * |---|---|
 * | as-planned | the whole plan was applied |
 * | prepared | only the prerequisites of the rest were created |
 * | in-parts | HAProxy refused the plan; the services not to blame were applied separately |
 * | not | another writer was faster, or HAProxy has fewer file descriptors than was known: read and plan again |
 */
export type Applied = 'as-planned' | 'prepared' | 'in-parts' | 'not';

export async function applyUnlessConflict(
  context: WritingContext,
  view: View,
  done: Done,
  mayLookAgain: boolean,
): Promise<Applied> {
  try {
    return await applyOrIsolate(context, view, done, mayLookAgain);
  } catch (error) {
    if (recoveryFrom(error) !== 'look-again' || !mayLookAgain) throw error;
    return 'not';
  }
}

/** A refused configuration affects only the services that caused it. */
async function applyOrIsolate(
  context: WritingContext,
  view: View,
  done: Done,
  mayLookAgain: boolean,
): Promise<Applied> {
  try {
    return await commit(context, view, done);
  } catch (error) {
    const refusal = await recoverRefusal(context, error);
    if (isOfDescriptors(refusal)) {
      if (mayLookAgain) return 'not';
      throw refusal;
    }
    await applyInParts(context, view, done, refusal);
    return 'in-parts';
  }
}

/** All servers together are too many: no service is to blame. */
function isOfDescriptors({ message }: ConnectorError): boolean {
  return descriptorRefusal(message) !== undefined;
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
  // The cause may be another writer's, such as a port in use, and gone after the rollback.
  await applyWithout(attempts, candidates, []);
}

export async function commit(
  context: WritingContext,
  { actual, plan }: View,
  done: Done,
): Promise<'as-planned' | 'prepared'> {
  const { target, timed, writer, signal } = context;
  context.approval?.requireWithin(plan);
  // Even if this fails, the maps may have changed since they were read.
  target.actual.forget(mapsOf(plan));
  const result = await timed('apply', () => apply(applyContext(context, actual), plan));
  target.memory.asText = result.asText;
  const isDone = (step: Step): boolean => !result.prepared || isNewMap(step);
  done.steps.push(...plan.steps.filter(isDone));
  if (result.prepared) target.actual.forget();
  if (result.reloaded) target.memory.reloadedAt = context.now();
  if (!result.reloaded) return result.prepared ? 'prepared' : 'as-planned';
  // One reload can have several reasons. The first one is counted.
  const [reload] = reloadsOf(plan);
  if (reload !== undefined) done.reloads.push(reload.code);
  await deleteDeadTransactions({ client: writer, signal }, actual.configVersion + 1);
  return 'as-planned';
}

/** If HAProxy refuses the configuration even without our changes, no service is to blame. */
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
    look: (read, apart) => look(context, read, { ...refusalsOf(context), ...apart }),
    commit: async (view) => {
      await commit(context, view, done);
    },
    recoverRefusal: async (error) => {
      const refusal = await recoverRefusal(context, error);
      if (isOfDescriptors(refusal)) throw refusal;
      return refusal;
    },
    remember: (found) => {
      memory.rejected = refused(memory.rejected, found, context.now());
    },
  };
}
