import type { ActualState } from '../actual/types.js';
import type { DesiredState, Rejection } from '../desired/types.js';
import { commit, type Done } from './commit.js';
import type { WritingContext } from './context.js';
import { look, type View } from './look.js';
import type { TargetMemory } from './memory.js';
import { recoverRefusal, recoveryFrom } from './recover.js';
import { accepted, allDue, nextTry, type Refusals, refused } from './refusals.js';
import { namedIn, reasonOf } from './rejections.js';

/**
 * Tries once more what HAProxy refused long enough ago. All others are as they should be by then, so
 * there is no search for a culprit, and one commit at the most. False: nothing was tried.
 */
export async function retryRefused(
  context: WritingContext,
  view: View,
  done: Done,
): Promise<boolean> {
  const { memory } = context.target;
  const services = nextTry(memory.rejected, refusedIn(view), context.now());
  if (services.length === 0 || view.plan.steps.length > 0) return false;
  const others = Object.entries(memory.rejected).filter(([one]) => !services.includes(one));
  const tried = await look(context, view.actual, Object.fromEntries(others));
  try {
    const applied = tried.plan.steps.length === 0 || (await commit(context, tried, done));
    // What had to be there first is there: the rest is for the next pass.
    if (applied !== 'prepared') memory.rejected = accepted(memory.rejected, services);
  } catch (error) {
    await refuseAgain(context, services, tried.desired, error);
  }
  return true;
}

function refusedIn({ desired }: View): string[] {
  return desired.skipped
    .filter(({ code }) => code === 'rejected-by-haproxy')
    .map(({ service }) => service);
}

/** Whatever it failed with, it is not tried again at once: the others come first. */
async function refuseAgain(
  context: WritingContext,
  tried: readonly string[],
  desired: DesiredState,
  error: unknown,
): Promise<void> {
  if (recoveryFrom(error) === 'look-again') return;
  const { memory } = context.target;
  const refusal = await recoverRefusal(context, error).catch((thrown: unknown) => {
    memory.rejected = refused(memory.rejected, pick(memory.rejected, tried), context.now());
    throw thrown;
  });
  const backends = desired.backends.filter(({ service }) => tried.includes(service));
  const named = namedIn(backends, refusal.message).map(({ service }) => service);
  const blamed = named.length > 0 ? named : tried;
  const found = pick(memory.rejected, blamed, refusal.message);
  const together = named.length === 0 && tried.length > 1;
  memory.rejected = refused(memory.rejected, found, context.now(), together);
}

function pick(
  known: Refusals,
  services: readonly string[],
  message?: string,
): Readonly<Record<string, Rejection>> {
  const some = Object.entries(known).filter(([service]) => services.includes(service));
  return Object.fromEntries(
    some.map(([service, { fingerprint, reason }]) => [
      service,
      { fingerprint, reason: message === undefined ? reason : reasonOf(message) },
    ]),
  );
}

/** At the start of a pass: what refused a service may be gone with the HAProxy that did. */
export function noticeHaproxy(memory: TargetMemory, actual: ActualState): void {
  const before = memory.haproxy;
  memory.haproxy = haproxyOf(actual);
  if (before !== undefined && before !== memory.haproxy) memory.rejected = allDue(memory.rejected);
}

/** After what we did ourselves. */
export function rememberHaproxy(memory: TargetMemory, actual: ActualState): void {
  memory.haproxy = haproxyOf(actual);
}

function haproxyOf({ haproxy, configVersion }: ActualState): string {
  return `${haproxy.version} ${haproxy.pid} ${configVersion}`;
}
