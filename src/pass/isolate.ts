import type { ActualState } from '../actual/types.js';
import type { DesiredBackend, Rejection } from '../desired/types.js';
import type { ConnectorError } from '../shared/errors.js';
import type { View } from './look.js';
import { candidatesOf, namedIn, rejections } from './rejections.js';

/** What the search for the rejected service needs from the pass. */
export interface Attempts {
  readonly read: () => Promise<ActualState>;
  /** Plans and applies as if these services were rejected too: their current state is kept. */
  readonly look: (actual: ActualState, apart: Record<string, Rejection>) => Promise<View>;
  readonly commit: (view: View) => Promise<void>;
  /** Repairs the view after a refusal. Rethrows any other error. */
  readonly recoverRefusal: (error: unknown) => Promise<ConnectorError>;
  readonly remember: (rejected: Record<string, Rejection>) => void;
}

/**
 * Finds the culprits: those HAProxy names, otherwise by bisection. Trying a half applies it if it
 * is accepted, so in the end everything except the culprits is applied. `without` is left out of
 * every attempt.
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

/** Applies everything except `without`. If that is rejected, bisects `half`. */
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

/** HAProxy names no service: one is to blame only if everything is accepted without it. */
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
  const apart = rejections(without, 'held back while another rejected service is searched for');
  return attempts.look(await attempts.read(), apart);
}

/** Undefined if it was accepted or there was nothing to do. */
async function refusalOf(attempts: Attempts, view: View): Promise<ConnectorError | undefined> {
  if (view.plan.steps.length === 0) return undefined;
  try {
    await attempts.commit(view);
    return undefined;
  } catch (error) {
    return attempts.recoverRefusal(error);
  }
}
