import type { ActualBackend, ActualSlot } from '../../../actual/types.js';
import type { DesiredBackend, DesiredRoute, KeptService, Skipped } from '../../../desired/types.js';
import { stepIs } from '../../../diff/dispatch.js';
import type { Step } from '../../../diff/types.js';
import type { CatalogService } from '../../../observe/types.js';
import type { Picture } from '../../../pass/picture.js';
import { pendingBackends } from '../../../telemetry/figures.js';
import { compareText } from '../../../shared/compare.js';
import type { Sliced } from '../../../shared/slices.js';

/** A picture by service. */
export interface Index {
  /** Every service that Nomad, a route file or HAProxy has, sorted. */
  readonly names: readonly string[];
  readonly backends: ReadonlyMap<string, DesiredBackend>;
  readonly routes: ReadonlyMap<string, readonly DesiredRoute[]>;
  readonly skipped: ReadonlyMap<string, Skipped>;
  readonly kept: ReadonlyMap<string, KeptService>;
  readonly warnings: ReadonlyMap<string, readonly string[]>;
  readonly catalog: ReadonlyMap<string, CatalogService>;
  readonly slots: ReadonlyMap<string, readonly ActualSlot[]>;
  /** Where a service stands in HAProxy. */
  readonly places: ReadonlyMap<string, ActualBackend>;
  /** Keys of HAProxy's maps by the backend they lead to. */
  readonly entries: ReadonlyMap<string, readonly string[]>;
  /** Backends that steps are left for. */
  readonly pending: ReadonlySet<string>;
  /** Keys of routes that a step is left to add. */
  readonly unrouted: ReadonlySet<string>;
  /** The same that `sync.policy` keeps out. */
  readonly diverted: ReadonlySet<string>;
  /** Backends of which `sync.policy` keeps something. */
  readonly keptBack: ReadonlySet<string>;
  /** Ids of instances whose removal is held. */
  readonly held: ReadonlySet<string>;
}

export function* indexOf({ catalog, desired, actual, rest }: Picture): Sliced<Index> {
  const backends = byKey(desired.backends, ({ service }) => service);
  const skipped = byKey(rest.skipped, ({ service }) => service);
  yield;
  const standing = Object.values(actual.backends).flatMap(placesOf);
  const slots = grouped(
    Object.values(actual.backends).flatMap((backend) => backend.slots),
    ({ service }) => service,
  );
  yield;
  const services = [...catalog.services, ...(catalog.unreadable ?? [])];
  const places = new Map(standing);
  const names = new Set([...backends.keys(), ...skipped.keys(), ...places.keys()]);
  const routes = grouped(desired.routes, ({ service }) => service);
  yield;
  return {
    names: [...names].sort(compareText),
    ...{ backends, routes, skipped, slots, places },
    kept: byKey(desired.kept, ({ service }) => service),
    warnings: grouped(
      rest.warnings,
      ({ service }) => service,
      ({ message }) => message,
    ),
    catalog: byKey(services, ({ namespace, name }) => `${namespace}/${name}`),
    entries: grouped(
      Object.values(actual.maps).flatMap(({ entries = {} }) => Object.entries(entries)),
      ([, value]) => value,
      ([key]) => key,
    ),
    pending: pendingBackends(rest.steps),
    unrouted: keysOf(rest.steps),
    diverted: keysOf(rest.kept ?? []),
    keptBack: pendingBackends(rest.kept ?? []),
    held: new Set(rest.held?.instances),
  };
}

/** Of the entries that the steps add or lead elsewhere. */
function keysOf(steps: readonly Step[]): ReadonlySet<string> {
  return new Set(steps.flatMap((one) => (isNewEntry(one) ? [one.key] : [])));
}

const isNewEntry = stepIs({ object: 'entry', effect: ['create', 'change'] });

/** The connector's marker is no service's backend; a free slot alone is nobody's place. */
function placesOf(backend: ActualBackend): [string, ActualBackend][] {
  const { ours, service, slots } = backend;
  if (ours && service !== undefined) return [[service, backend]];
  const bound = slots.filter(({ binding }) => binding !== undefined);
  return [...new Set(bound.map((slot) => slot.service))].map((name) => [name, backend]);
}

function byKey<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [key(item), item]));
}

function grouped<T, R = T>(
  items: readonly T[],
  key: (item: T) => string,
  value: (item: T) => R = (item) => item as unknown as R,
): ReadonlyMap<string, readonly R[]> {
  const groups = new Map<string, R[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [value(item)]);
    else group.push(value(item));
  }
  return groups;
}
