import type { ActualState } from '../actual/types.js';
import type { DesiredBackend, DesiredState, Rejection } from '../desired/types.js';
import type { Plan } from '../diff/types.js';
import type { ConnectorError } from '../shared/errors.js';
import { candidatesOf, namedIn, rejections } from './rejections.js';

/** What a pass lends to the search for the service that HAProxy objects to. */
export interface Attempts {
  readonly read: () => Promise<ActualState>;
  /** As if `apart` had been rejected too: what stands of these stays as it is. */
  readonly desire: (apart: Record<string, Rejection>) => DesiredState;
  readonly plan: (desired: DesiredState, actual: ActualState) => Promise<Plan>;
  readonly commit: (actual: ActualState, plan: Plan) => Promise<void>;
  /** The refusal that was thrown; throws on what is none. */
  readonly rejectionOf: (error: unknown) => Promise<ConnectorError>;
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
  await attempt(attempts, left, right);
  await attempt(attempts, right, []);
}

/** Applies everything but `without`, and looks further into `half` where that is rejected. */
export async function attempt(
  attempts: Attempts,
  half: readonly DesiredBackend[],
  without: readonly DesiredBackend[],
): Promise<void> {
  const actual = await attempts.read();
  const apart = rejections(without, 'another service is being looked for');
  const desired = attempts.desire(apart);
  const plan = await attempts.plan(desired, actual);
  const left = candidatesOf(desired, plan).filter(({ service }) =>
    half.some((one) => one.service === service),
  );
  try {
    await attempts.commit(actual, plan);
  } catch (error) {
    await isolate(attempts, left, await attempts.rejectionOf(error));
  }
}
