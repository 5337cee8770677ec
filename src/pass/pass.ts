import type { CatalogRead } from './catalog.js';
import type { ActualState } from '../actual/types.js';
import type { PassContext, Surroundings } from './context.js';
import { convergeIfWriting } from './converge.js';
import { drainWhileRead, mayDrainEarly } from './early-drains.js';
import { look, type View } from './look.js';
import { rememberPicture } from './memory.js';
import { refusedElsewhere } from './part.js';
import type { Occasion } from './occasion.js';
import { nextPictureInSlices, type Picture } from './picture.js';
import { readActual } from './read-actual.js';
import { settleBoth } from '../shared/concurrent.js';
import { breathe, runInSlices } from '../shared/slices.js';
import { noticeHaproxy } from './retry.js';
import { type Stopwatch, together } from './stopwatch.js';
import type { Target } from './target.js';

/**
 * One pass over one target: read the catalog and HAProxy, compute the desired state, diff and
 * apply. Startup, missed events, drift and retries all take this path.
 */
export async function syncTarget(
  around: Surroundings,
  target: Target,
  observed: CatalogRead,
  stopwatch: Stopwatch,
  occasion: Occasion,
  signal: AbortSignal,
): Promise<Picture> {
  const { memory } = target;
  const { derived } = memory;
  const { timed } = stopwatch;
  const drained = mayDrainEarly(target, occasion)
    ? drainWhileRead(around, target, observed, stopwatch, signal)
    : Promise.resolve();
  // Reading HAProxy may repair it. Wait for that even if reading Nomad fails.
  const read = async () => timed('actual', () => readActual(target, around.settings, signal));
  const [catalog, actual] = await settleBoth(observed.catalog, drained.then(read, read));
  noticeHaproxy(memory, actual);
  await breathe();
  const hidden = await observed.hidden(derived.namespaces(actual.backends), signal);
  await breathe();
  const ended = await observed.ended(derived.instances(actual.backends), signal);
  const observedAt = { catalog, hidden, ended, readAt: around.now() };
  const apart = refusedElsewhere({ ...around, target }, actual);
  const context = { ...around, ...observedAt, ...apart, target, occasion, timed, signal };
  const start = await startOf(context, actual);
  // Before anything is written: what is removed now counts even if the pass fails.
  memory.absences = start.plan.absences;
  const { view, steps, reloads } = await convergeIfWriting(context, start);
  const { desired, actual: end, plan: rest } = view;
  await breathe();
  const names = around.settings.haproxy.frontends;
  const degraded = derived.degraded(end.global, end.frontends, end.backends, names, end.peers);
  const seen = { target: target.name, catalog, desired, actual: end, plan: start.plan, rest };
  const picture = {
    ...seen,
    steps,
    reloads,
    degraded,
    times: together(observed.times(), stopwatch.read()),
  };
  const next = await runInSlices(nextPictureInSlices(memory.pictures[0], picture));
  rememberPicture(memory, next);
  return next;
}

/** A standby plans nothing: what it would do is done by the leader. */
async function startOf(context: PassContext, actual: ActualState): Promise<View> {
  const view = await look(context, actual);
  if (context.target.standsBy === undefined) return view;
  const { held: _, ...plan } = view.plan;
  return { ...view, plan: { ...plan, steps: [], waiting: [], inMotion: false } };
}
