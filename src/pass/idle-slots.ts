import { setTimeout as delay } from 'node:timers/promises';

import { type Draining, drainingIn, readIdleSlots } from '../actual/idle.js';
import type { ActualState } from '../actual/types.js';
import { isStructural } from '../diff/dispatch.js';
import type { Plan, Step } from '../diff/types.js';
import type { PassContext } from './context.js';
import type { IdleAsked } from './memory.js';

type Idle = ReadonlySet<string>;

type IdleContext = Pick<
  PassContext,
  'target' | 'timed' | 'signal' | 'now' | 'staysRunning' | 'looksBack'
>;

const noneKnown: Idle = new Set();
/** The question takes at most one part in so many of the time. */
const partOfTime = 5;
const mostPauseMs = 30_000;
/** A process that stays waits no longer in a pass: the next one has the answer. */
const patienceMs = 100;
/** Of so many servers the answer may take that long: 1.1 s of 4,000 (Data Plane API 3.2). */
const manyServers = 400;

/**
 * The plan, with what is known of drains that have ended. To ask costs as much as a few writes where
 * there are thousands of servers. So it is done at a pace, and where the answer takes long, between
 * passes (`askBetweenPasses`). A drain that has ended unasked goes on until then, and no pass writes
 * once more for one that ended in the meantime. Before a reload that a free slot may make needless it
 * is asked in any case.
 */
export async function planWithIdle(
  context: IdleContext,
  actual: ActualState,
  plan: (idle: Idle) => Promise<Plan>,
): Promise<Plan> {
  const { target, timed, now, staysRunning, looksBack = false } = context;
  const { memory } = target;
  const draining = drainingIn(actual, Math.floor(now() / 1000));
  if (draining.slots.size === 0) return plan(noneKnown);
  const last = looksBack ? memory.idleUsed : memory.idleAsked;
  const mayAsk = !looksBack && !(staysRunning && isSlow(last, actual));
  const asked = mayAsk && isDue(last, now()) ? ask(context, draining) : last;
  const isNew = asked !== last;
  const waitMs = isNew ? (staysRunning ? patienceMs : Infinity) : 0;
  const idle = await timed('actual', () => idleNow(asked, draining, waitMs));
  const isAnswered = asked?.tookMs !== undefined;
  if (isAnswered) memory.idleUsed = asked;
  else delete memory.idleUsed;
  const first = await plan(idle);
  if ((isNew && isAnswered) || !mayBeNeedless(first.steps, draining)) return first;
  const sure = isNew ? asked : ask(context, draining);
  return plan(await timed('actual', () => idleNow(sure, draining, Infinity)));
}

/** Asks what takes too long for a pass to wait for. The next one has the answer. */
export function askBetweenPasses(context: IdleContext, actual: ActualState): void {
  const { target, now, staysRunning } = context;
  const draining = drainingIn(actual, Math.floor(now() / 1000));
  const last = target.memory.idleAsked;
  const isWanted = staysRunning && draining.slots.size > 0;
  if (isWanted && isSlow(last, actual) && isDue(last, now())) ask(context, draining);
}

/** As the last one was; before there was one, where there are many servers. */
function isSlow(last: IdleAsked | undefined, { backends }: ActualState): boolean {
  if (last !== undefined) return (last.tookMs ?? 0) > patienceMs;
  const servers = Object.values(backends).reduce((sum, { slots }) => sum + slots.length, 0);
  return servers > manyServers;
}

function ask({ target, signal, now }: IdleContext, draining: Draining): IdleAsked {
  const { client, memory } = target;
  const at = now();
  const asked: IdleAsked = { at, ended: readIdleSlots(client, draining, signal) };
  const answered = (): void => void (asked.tookMs = now() - at);
  // A pass that waits for it fails. Otherwise the next one asks again.
  const failed = (): void => {
    if (memory.idleAsked === asked) delete memory.idleAsked;
  };
  asked.ended.then(answered, failed);
  memory.idleAsked = asked;
  return asked;
}

/** Slots whose drain had ended when it was asked, and that have not drained anew since. */
async function idleNow(
  asked: IdleAsked | undefined,
  { slots }: Draining,
  waitMs: number,
): Promise<Idle> {
  if (asked === undefined || (asked.tookMs === undefined && waitMs === 0)) return noneKnown;
  const ended = await within(waitMs, asked.ended);
  const still = [...(ended ?? [])].filter(([name, since]) => slots.get(name) === since);
  return new Set(still.map(([name]) => name));
}

/** Undefined: not within that time. */
async function within<T>(ms: number, task: Promise<T>): Promise<T | undefined> {
  if (ms === Infinity) return task;
  const waited = new AbortController();
  const timeout = delay(ms, undefined, { signal: waited.signal }).catch(() => undefined);
  return Promise.race([task, timeout]).finally(() => waited.abort());
}

/** All that the reload is for are backends with a slot that may be free. */
function mayBeNeedless(steps: readonly Step[], { parents }: Draining): boolean {
  const reasons = steps.filter(isStructural).filter(({ kind }) => kind !== 'set-marker');
  const isAboutDraining = (step: Step): boolean => 'backend' in step && parents.has(step.backend);
  return reasons.length > 0 && reasons.every(isAboutDraining);
}

/** A clock that was set back must not lengthen the wait. */
function isDue(last: IdleAsked | undefined, now: number): boolean {
  if (last === undefined) return true;
  if (last.tookMs === undefined) return false;
  return now < last.at || now - last.at >= Math.min(mostPauseMs, partOfTime * last.tookMs);
}
