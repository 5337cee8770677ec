import { desiredInSlices } from '../desired/build.js';
import type { DesiredMemory } from '../desired/memory.js';
import { keptTargets } from '../desired/members.js';
import { backendName } from '../haproxy/names.js';
import type { DesiredInput, DesiredState, Rejection, Skipped } from '../desired/types.js';
import { runThrough, type Sliced } from '../shared/slices.js';
import type { BadRouteFile, RouteFiles } from '../routes/folder.js';

export interface DesireInput extends Pick<
  DesiredInput,
  'catalog' | 'settings' | 'facts' | 'endpoints' | 'claims' | 'now'
> {
  readonly routes: RouteFiles;
  readonly rejected: Readonly<Record<string, Rejection>>;
}

/** The desired state from Nomad's services and the routes folder. */
export function desire(input: DesireInput): DesiredState {
  return runThrough(desireInSlices(input));
}

/** The same, service by service, with the memory of earlier passes. */
export function* desireInSlices(
  { routes, ...input }: DesireInput,
  memory?: DesiredMemory,
): Sliced<DesiredState> {
  const { settings } = input;
  const { files, bad } = routes;
  const desired = yield* desiredInSlices({ ...input, routeFiles: files }, memory);
  if (bad.length === 0) return desired;
  const served = new Set(files.map(({ name }) => name));
  const skipped = bad.map((one) => skippedFile(one, served, settings.ownership.prefix));
  const kept = bad.flatMap(({ name, targets }) =>
    targets === undefined || served.has(name) ? [] : [keptTargets(name, targets)],
  );
  return {
    ...desired,
    skipped: [...desired.skipped, ...skipped],
    kept: [...desired.kept, ...kept],
  };
}

/**
 * An invalid file whose last valid content this process never saw. Its section and routes in
 * HAProxy stay. Its servers stay too, unless its targets can be read.
 */
function skippedFile(
  { name, reason }: BadRouteFile,
  served: ReadonlySet<string>,
  prefix: string,
): Skipped {
  const skipped = { service: `file:${name}`, code: 'invalid-route-file', reason } as const;
  if (served.has(name)) return skipped;
  const backend = backendName(prefix, { source: 'file', namespace: '', name });
  return { ...skipped, backend };
}
