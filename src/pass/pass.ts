import type { CatalogRead } from './catalog.js';
import type { Surroundings } from './context.js';
import { convergeIfWriting } from './converge.js';
import { look } from './look.js';
import { rememberPicture } from './memory.js';
import { nextPicture, type Picture } from './picture.js';
import { readActual } from './read-actual.js';
import { settleBoth } from '../shared/concurrent.js';
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
  signal: AbortSignal,
): Promise<Picture> {
  const { memory } = target;
  const { derived } = memory;
  const { timed } = stopwatch;
  // Reading HAProxy may repair it. Wait for that even if reading Nomad fails.
  const [catalog, actual] = await settleBoth(
    observed.catalog,
    timed('actual', () => readActual(target, signal)),
  );
  noticeHaproxy(memory, actual);
  const hidden = await observed.hidden(derived.namespaces(actual.backends), signal);
  const ended = await observed.ended(derived.instances(actual.backends), signal);
  const read = { catalog, hidden, ended, readAt: around.now() };
  const context = { ...around, ...read, target, timed, signal };
  const start = await look(context, actual);
  // Before anything is written: what is removed now counts even if the pass fails.
  memory.absences = start.plan.absences;
  const { view, steps, reloads } = await convergeIfWriting(context, start);
  const { desired, actual: end, plan: rest } = view;
  const names = around.settings.haproxy.frontends;
  const degraded = derived.degraded(end.global, end.frontends, end.backends, names);
  const seen = { target: target.name, catalog, desired, actual: end, plan: start.plan, rest };
  const picture = {
    ...seen,
    steps,
    reloads,
    degraded,
    times: together(observed.times(), stopwatch.read()),
  };
  const next = nextPicture(memory.pictures[0], picture);
  rememberPicture(memory, next);
  return next;
}
