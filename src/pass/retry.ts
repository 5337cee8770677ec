import type { ActualState } from '../actual/types.js';
import type { DesiredState, Rejection } from '../desired/types.js';
import { commit, type Done } from './commit.js';
import type { WritingContext } from './context.js';
import { look, refusalsOf, type View } from './look.js';
import type { TargetMemory } from './memory.js';
import { recoverRefusal, recoveryFrom } from './recover.js';
import { accepted, allDue, nextTry, type Refusals, refused } from './refusals.js';
import { namedIn, reasonOf } from './rejections.js';

/**
 * Retries refusals that are due. Everything else is already in place, so no search for a culprit is
 * needed and at most one commit is made. Returns false if nothing was tried.
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
  const tried = await look(context, view.actual, refusalsOf(context, Object.fromEntries(others)));
  try {
    const applied = tried.plan.steps.length === 0 || (await commit(context, tried, done));
    // Only the prerequisites were created. The next pass does the rest.
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

/** A failed retry is not repeated at once, whatever the error: the others come first. */
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

/** At the start of a pass: a changed HAProxy may accept what the previous one refused. */
export function noticeHaproxy(memory: TargetMemory, actual: ActualState): void {
  const { haproxy: before, descriptorLimits } = memory;
  memory.haproxy = haproxyOf(actual);
  memory.descriptorLimits = limitsOf(actual);
  // The operator followed the advice.
  if (descriptorLimits !== memory.descriptorLimits) delete memory.descriptors;
  if (before === undefined || before === memory.haproxy) return;
  memory.rejected = allDue(memory.rejected);
  // Restarted with the same configuration: it may have more descriptors now.
  if (before.endsWith(` ${actual.configVersion}`)) delete memory.descriptors;
}

/** After our own changes. */
export function rememberHaproxy(memory: TargetMemory, actual: ActualState): void {
  memory.haproxy = haproxyOf(actual);
}

function limitsOf({ global, haproxy }: ActualState): string {
  return [global.fdHardLimit, global.maxConnections, haproxy.openFiles].join(' ');
}

function haproxyOf({ haproxy, configVersion }: ActualState): string {
  return `${haproxy.version} ${haproxy.pid} ${configVersion}`;
}
