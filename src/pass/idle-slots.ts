import { drainingIn, readIdleSlots } from '../actual/idle.js';
import type { ActualState } from '../actual/types.js';
import { isStructural } from '../diff/dispatch.js';
import type { Plan } from '../diff/types.js';
import type { PassContext } from './context.js';
import type { IdleAsked } from './memory.js';

type Idle = ReadonlySet<string>;

const noneKnown: Idle = new Set();
/** The question takes at most one part in so many of the time. */
const partOfTime = 5;
const mostPauseMs = 30_000;

/**
 * The plan, with what is known of drains that have ended. To ask costs as much as a few writes where
 * there are thousands of servers, so it is done at a pace. A drain that has ended unasked goes on until
 * then. Before a reload it is asked in any case: a free slot may make it needless.
 */
export async function planWithIdle(
  context: Pick<PassContext, 'target' | 'timed' | 'signal' | 'now'>,
  actual: ActualState,
  plan: (idle: Idle) => Promise<Plan>,
): Promise<Plan> {
  const { target, timed, signal, now } = context;
  const { client, memory } = target;
  const draining = drainingIn(actual, Math.floor(now() / 1000));
  const ask = async (): Promise<Idle> => {
    const from = now();
    const idle = await readIdleSlots(client, draining, signal);
    memory.idleAsked = { at: now(), tookMs: now() - from };
    return idle;
  };
  const drains = draining.slots.size > 0;
  const asks = drains && isDue(memory.idleAsked, now());
  const first = await plan(asks ? await timed('actual', ask) : noneKnown);
  if (asks || !drains || !first.steps.some(isStructural)) return first;
  return plan(await timed('actual', ask));
}

/** A clock that was set back must not lengthen the wait. */
function isDue(last: IdleAsked | undefined, now: number): boolean {
  if (last === undefined || now < last.at) return true;
  return now - last.at >= Math.min(mostPauseMs, partOfTime * last.tookMs);
}
