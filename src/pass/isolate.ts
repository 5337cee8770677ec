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
 * by that, so in the end all but the culprits are.
 */
export async function isolate(
  attempts: Attempts,
  candidates: readonly DesiredBackend[],
  error: ConnectorError,
): Promise<void> {
  if (candidates.length === 0) throw error;
  const named = namedIn(candidates, error.message);
  const culprits = named.length > 0 ? named : candidates.length === 1 ? candidates : [];
  attempts.remember(rejections(culprits, error.message));
  if (culprits.length > 0) return;
  const middle = Math.ceil(candidates.length / 2);
  const [left, right] = [candidates.slice(0, middle), candidates.slice(middle)];
  await applyWithout(attempts, left, right);
  await applyWithout(attempts, right, []);
}

/** Applies everything but `without`, and looks further into `half` where that is rejected. */
export async function applyWithout(
  attempts: Attempts,
  half: readonly DesiredBackend[],
  without: readonly DesiredBackend[],
): Promise<void> {
  const apart = rejections(without, 'another service is being looked for');
  const view = await attempts.look(await attempts.read(), apart);
  const left = candidatesOf(view.desired, view.plan).filter(({ service }) =>
    half.some((one) => one.service === service),
  );
  try {
    await attempts.commit(view);
  } catch (error) {
    await isolate(attempts, left, await attempts.recoverRefusal(error));
  }
}
