import { glance } from '../actual/glance.js';
import { stopTraffic } from '../apply/endpoints.js';
import { leavingSlots } from '../diff/plan/early.js';
import type { Catalog } from '../observe/types.js';
import { scopeOf } from '../shared/concurrent.js';
import type { Surroundings } from './context.js';
import { planEarly } from './early-plan.js';
import { needsFullRead } from './memory.js';
import { isNewInOffice } from './office.js';
import type { Occasion } from './occasion.js';
import type { Target } from './target.js';

/** Slower than this, the pass itself is as fast. */
const deadlineMs = 2000;

/** Whether a pass can send drains before it reads HAProxy. In any doubt it reads first. */
export function mayDrainEarly(target: Target, { nomadChanged }: Occasion): boolean {
  const { memory, writer } = target;
  const isKnown = memory.pictures.length > 0 && !needsFullRead(memory) && !isNewInOffice(target);
  return nomadChanged && writer !== undefined && isKnown;
}

/**
 * Takes servers out of traffic whose instances Nomad reads as stopping or over, from the last picture
 * and a look at their backends. It decides nothing of its own: the plan of this pass has the same
 * steps, and writes them. Never throws; what is not sent here, the plan sends.
 */
export async function drainEarly(
  { endpoints: ownEndpoints, now, policy, settings }: Surroundings,
  { memory, writer: client }: Target,
  catalog: Catalog,
  signal: AbortSignal,
): Promise<void> {
  const [last] = memory.pictures;
  if (last === undefined || client === undefined) return;
  const leaving = leavingSlots(last.actual, catalog);
  if (leaving.length === 0) return;
  const scope = scopeOf(signal);
  const deadline = setTimeout(() => scope.abort(), deadlineMs);
  try {
    const backends = [...new Set(leaving.map(({ backend }) => backend))];
    const looking = { client, backends, actual: last.actual, readAt: last.times.endedAt };
    const [actual, endpoints] = await Promise.all([
      glance({ ...looking, now: now(), signal: scope.signal }),
      ownEndpoints?.() ?? [],
    ]);
    if (actual === undefined) return;
    const { rejected, unstable } = memory;
    const steps = planEarly({
      ...{ catalog, actual, endpoints, rejected, unstable },
      settings: policy === undefined ? settings : { ...settings, policy: policy() },
      now: Math.floor(now() / 1000),
    });
    await stopTraffic({ client, signal: scope.signal }, steps);
  } catch {
    // The pass reads HAProxy next, and finds what is wrong.
  } finally {
    clearTimeout(deadline);
    scope.done();
  }
}
