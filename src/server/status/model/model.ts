import { mapInSlices, type Sliced } from '../../../shared/slices.js';
import { indexOf } from './index.js';
import type { StatusInput, TargetInput } from './input.js';
import { noticesOf } from './notices.js';
import { passOf, pendingOf } from './passes.js';
import { rowsOf, type ServiceRows } from './services.js';
import {
  type HostState,
  hostStates,
  type InstancePhase,
  instancePhases,
  type SeenHaproxy,
  type StatusCounts,
  type StatusModel,
  type TargetStatus,
} from './types.js';
import { upToDate } from '../../../pass/alike.js';
import type { Picture } from '../../../pass/picture.js';

/** The status of everything, in slices: thousands of services take longer than a probe may wait. */
export function* statusOf(input: StatusInput): Sliced<StatusModel> {
  const { version, startedAt, ready, leader, settings } = input;
  // Domains of skipped services are read from their tags.
  const tagPrefix = settings.tags.prefix;
  const targets: TargetStatus[] = [];
  for (const target of input.targets) targets.push(yield* targetStatus(target, tagPrefix));
  yield;
  return {
    ...{ version, startedAt, ready },
    ...(leader === undefined ? {} : { leader }),
    ...(targets.length < 2 ? {} : { differs: differing(input.targets) }),
    targets,
  };
}

/** As the metric `target_in_sync` has it. */
function differing(targets: readonly TargetInput[]): readonly string[] {
  const current = upToDate(targets.flatMap(({ picture }) => picture ?? []));
  return targets
    .filter(({ name, picture, failure }) => {
      const { steps = [], problems = [] } = picture?.rest ?? {};
      const isDone = failure === undefined && steps.length === 0 && problems.length === 0;
      return !isDone || !current.includes(name);
    })
    .map(({ name }) => name);
}

function* targetStatus(
  { name, picture, failure, passes }: TargetInput,
  tagPrefix: string,
): Sliced<TargetStatus> {
  const rows = picture === undefined ? [] : yield* allRows(picture, tagPrefix);
  const services = worstFirst(rows.map(({ service }) => service));
  const hosts = worstFirst(rows.flatMap((one) => one.hosts));
  yield;
  return {
    name,
    ...(picture === undefined ? {} : { seen: seenOf(picture) }),
    ...(failure === undefined ? {} : { failure }),
    ...{ hosts, services },
    notices: noticesOf(picture, failure),
    pending: pendingOf(picture),
    passes: yield* mapInSlices(passes, passOf),
    counts: countsOf(rows),
  };
}

function* allRows(picture: Picture, tagPrefix: string): Sliced<readonly ServiceRows[]> {
  const index = yield* indexOf(picture);
  yield;
  return yield* mapInSlices(index.names, (name) => rowsOf(name, index, picture, tagPrefix));
}

function seenOf({ actual, catalog, times }: Picture): SeenHaproxy {
  return {
    url: actual.dataplane.url,
    version: actual.haproxy.version,
    configVersion: actual.configVersion,
    nomadIndex: catalog.index,
    at: times.endedAt,
    durationMs: times.endedAt - times.startedAt,
  };
}

function countsOf(rows: readonly ServiceRows[]): StatusCounts {
  const hosts = zeros<HostState>(hostStates);
  const services = zeros<HostState>(hostStates);
  const instances = zeros<InstancePhase>(instancePhases);
  for (const row of rows) {
    services[row.service.state]++;
    for (const { state } of row.hosts) hosts[state]++;
    for (const { phase } of row.service.instances) instances[phase]++;
  }
  return { hosts, services, instances };
}

function worstFirst<T extends { readonly state: HostState }>(rows: readonly T[]): readonly T[] {
  return hostStates.flatMap((state) => rows.filter((row) => row.state === state));
}

function zeros<K extends string>(names: readonly K[]): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>;
}
