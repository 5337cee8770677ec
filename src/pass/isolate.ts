import type { ActualState } from '../actual/types.js';
import type { DesiredBackend, Rejection } from '../desired/types.js';
import type { ConnectorError } from '../shared/errors.js';
import type { View } from './look.js';
import { candidatesOf, namedIn, rejections } from './rejections.js';

/** What a pass lends to the search for the service that HAProxy objects to. */
export interface Attempts {
  readonly read: () => Promise<ActualState>;
  /** With some services as if they had been rejected too: what stands of these stays as it is. */
  readonly look: (actual: ActualState, apart: Record<string, Rejection>) => Promise<View>;
  readonly commit: (view: View) => Promise<void>;
  /** The refusal that was thrown, repaired; throws what is no refusal. */
  readonly recoverRefusal: (error: unknown) => Promise<ConnectorError>;
  readonly remember: (rejected: Record<string, Rejection>) => void;
}

/**
 * Finds the culprits: those that HAProxy names, else by halves. A half that is accepted is applied
 * by that, so in the end all but the culprits are. `without`: those that are in none of its attempts.
 */
export async function isolate(
  attempts: Attempts,
  candidates: readonly DesiredBackend[],
  error: ConnectorError,
  without: readonly DesiredBackend[] = [],
): Promise<void> {
  const [suspect] = candidates;
  if (suspect === undefined) throw error;
  const named = namedIn(candidates, error.message);
  if (named.length > 0) return attempts.remember(rejections(named, error.message));
  if (candidates.length === 1) return confirm(attempts, suspect, without);
  const middle = Math.ceil(candidates.length / 2);
  const [left, right] = [candidates.slice(0, middle), candidates.slice(middle)];
  await applyWithout(attempts, left, [...right, ...without]);
  await applyWithout(attempts, right, without);
}

/** Applies everything but `without`, and looks further into `half` where that is rejected. */
export async function applyWithout(
  attempts: Attempts,
  half: readonly DesiredBackend[],
  without: readonly DesiredBackend[],
): Promise<void> {
  const view = await lookWithout(attempts, without);
  const left = candidatesOf(view.desired, view.plan).filter(({ service }) =>
    half.some((one) => one.service === service),
  );
  const error = await refusalOf(attempts, view);
  if (error !== undefined) await isolate(attempts, left, error, without);
}

/** HAProxy names nobody: only who is refused on top of what is accepted without it is to blame. */
async function confirm(
  attempts: Attempts,
  suspect: DesiredBackend,
  without: readonly DesiredBackend[],
): Promise<void> {
  const others = await refusalOf(attempts, await lookWithout(attempts, [suspect, ...without]));
  if (others !== undefined) throw others;
  const error = await refusalOf(attempts, await lookWithout(attempts, without));
  if (error !== undefined) attempts.remember(rejections([suspect], error.message));
}

async function lookWithout(attempts: Attempts, without: readonly DesiredBackend[]): Promise<View> {
  const apart = rejections(without, 'another service is being looked for');
  return attempts.look(await attempts.read(), apart);
}

/** Undefined where it was accepted, or where there was nothing to do. */
async function refusalOf(attempts: Attempts, view: View): Promise<ConnectorError | undefined> {
  if (view.plan.steps.length === 0) return undefined;
  try {
    await attempts.commit(view);
    return undefined;
  } catch (error) {
    return attempts.recoverRefusal(error);
  }
}
