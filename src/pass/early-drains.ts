import { glance } from '../actual/glance.js';
import { stopTraffic } from '../apply/endpoints.js';
import { leavingSlots } from '../diff/plan/early.js';
import { isLeaving } from '../observe/catalog/model/allocation.js';
import type { AllocationFacts, AllocationSight, Catalog } from '../observe/types.js';
import { scopeOf } from '../shared/concurrent.js';
import type { CatalogRead } from './catalog.js';
import type { Surroundings } from './context.js';
import { planEarly } from './early-plan.js';
import { needsFullRead } from './memory.js';
import { isNewInOffice } from './office.js';
import type { Occasion } from './occasion.js';
import type { Stopwatch } from './stopwatch.js';
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
 * Drains while the catalog is being read: first what its allocations alone give away, as if its services
 * had been read a moment earlier, and in the end what the whole of it does. Never throws.
 */
export async function drainWhileRead(
  around: Surroundings,
  target: Target,
  { catalog, onSight }: Pick<CatalogRead, 'catalog' | 'onSight'>,
  { timed }: Pick<Stopwatch, 'timed'>,
  signal: AbortSignal,
): Promise<void> {
  const done = new Set<string>();
  const drain = (read: Catalog) =>
    timed('apply', () => drainEarly(around, target, read, done, signal));
  let running = Promise.resolve();
  onSight((seen) => {
    const last = target.memory.pictures[0]?.catalog;
    const sighted = last === undefined ? undefined : withLeaving(last, seen);
    if (sighted !== undefined) running = running.then(() => drain(sighted));
  });
  const read = await catalog.catch(() => undefined);
  await running;
  if (read !== undefined) await drain(read);
}

/** The catalog with those of the allocations that are leaving by now; undefined if none is. */
function withLeaving(catalog: Catalog, seen: readonly AllocationSight[]): Catalog | undefined {
  const leaving = new Map<string, AllocationFacts>();
  for (const { id, ...status } of seen) {
    const known = catalog.allocations[id];
    if (known !== undefined && !isLeaving(known) && isLeaving({ ...known, ...status })) {
      leaving.set(id, { ...known, ...status });
    }
  }
  if (leaving.size === 0) return undefined;
  const services = catalog.services.map((service) => {
    if (!service.instances.some(({ allocId }) => leaving.has(allocId))) return service;
    const instances = service.instances.map((one) => {
      const allocation = leaving.get(one.allocId);
      return allocation === undefined ? one : { ...one, allocation };
    });
    return { ...service, instances };
  });
  return {
    ...catalog,
    services,
    allocations: { ...catalog.allocations, ...Object.fromEntries(leaving) },
  };
}

/**
 * Takes servers out of traffic whose instances Nomad reads as stopping or over, from the last picture
 * and a look at their backends. It decides nothing of its own: the plan of this pass has the same
 * steps, and writes them. Never throws; what is not sent here, the plan sends. `done`: what was sent.
 */
async function drainEarly(
  { endpoints: ownEndpoints, now, policy, settings }: Surroundings,
  { memory, writer: client }: Target,
  catalog: Catalog,
  done: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  const [last] = memory.pictures;
  if (last === undefined || client === undefined) return;
  const leaving = leavingSlots(last.actual, catalog);
  if (leaving.every(({ slot }) => done.has(slot.name))) return;
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
    for (const { slot } of steps) done.add(slot.name);
  } catch {
    // The pass reads HAProxy next, and finds what is wrong.
  } finally {
    clearTimeout(deadline);
    scope.done();
  }
}
