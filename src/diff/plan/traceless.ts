import type { ActualState } from '../../actual/types.js';
import type { GuardSettings } from '../../config/types.js';
import { formatAddress } from '../../haproxy/addresses.js';
import { namespaceOf } from '../../haproxy/ownership.js';
import type { DesiredState } from '../../desired/types.js';
import { allocationOf } from '../../observe/catalog/model/allocation.js';
import type { Catalog } from '../../observe/types.js';
import type { Absence, Absences, LastingHold } from '../types.js';
import { nextAbsences, release } from './absence.js';
import { type Absent, overLimit, servingSlots } from './share.js';

export interface TracelessInput {
  readonly actual: ActualState;
  readonly desired: DesiredState;
  readonly catalog: Pick<Catalog, 'index' | 'allocations'>;
  readonly settings: GuardSettings;
  /** Instances whose job Nomad lists as stopped or purged. */
  readonly ended: readonly string[];
  readonly nowMs: number;
  readonly absences?: Absences;
}

export interface Traceless {
  readonly absences: Absences;
  /** Not absent for long enough. */
  readonly waiting: Absent;
  readonly lasting?: LastingHold;
  readonly reason: string;
}

/**
 * Absence that nothing explains looks the same after the last job was ended a day ago, in a wiped
 * cluster, in another cluster, and where a proxy lies. Of a larger share it is believed once it has
 * lasted. A trace is any of these:
 * - Nomad lists the instance's allocation (one that leaves isn't even asked about);
 * - it lists the service's job as stopped, or an evaluation that tells that the job was purged;
 * - somebody else is registered at the instance's address;
 * - a route file names it: the folder is no part of Nomad.
 */
export function judgeTraceless(input: TracelessInput, absent: Absent): Traceless {
  const { nowMs, settings } = input;
  const traceless = withoutTrace(input, absent);
  const keys = keysOf(traceless);
  const present = presentKeys(input.actual, absent);
  const holdMs = settings.tracelessHoldMs;
  const next = nextAbsences({ before: input.absences, nowMs, holdMs, absent: keys, present });
  const here = new Set(keys);
  const young = new Map(
    next.known
      .filter(({ what, forMs }) => here.has(what) && forMs < holdMs)
      .map((one) => [one.what, one]),
  );
  const counted = next.known.filter(({ what }) => !here.has(what)).map(({ what }) => what);
  const isTooMuch = indexIsBehind(input) || overLimit(input, traceless, absentOf(counted));
  if (!isTooMuch) {
    const absences = release(next, new Set(young.keys()));
    return { absences, waiting: absentOf([]), reason: '' };
  }
  const waiting = absentOf([...young.keys()]);
  if (young.size === 0) return { absences: next, waiting, reason: '' };
  const lasting = lastingOf([...young.values()], holdMs);
  return { absences: next, waiting, lasting, reason: reasonOf(input, waiting, lasting) };
}

/**
 * Nomad is behind what HAProxy was written from: a restored or another cluster. At the very same
 * index it listed what is served, so what it lacks there is no less in doubt.
 */
function indexIsBehind({ actual: { marker }, catalog }: TracelessInput): boolean {
  return marker.nomadIndex !== undefined && catalog.index <= marker.nomadIndex;
}

function withoutTrace(input: TracelessInput, absent: Absent): Absent {
  const { actual, desired, catalog, ended } = input;
  const endpoints = [...desired.backends, ...desired.kept].flatMap((one) => one.endpoints);
  const ids = new Set(endpoints.map(({ id }) => id));
  const taken = new Set(endpoints.map(({ address, port }) => formatAddress(address, port)));
  const over = new Set(ended);
  const isAbsent = new Set(absent.instances);
  const serving = Object.values(actual.backends).map((backend) => {
    const slots = servingSlots(backend).filter(
      ({ service, id, config }) =>
        !ids.has(id) &&
        namespaceOf(service) !== '' &&
        catalog.allocations[allocationOf(id)] === undefined &&
        !over.has(id) &&
        !taken.has(formatAddress(config.address, config.port)),
    );
    return { backend: backend.name, ids: slots.map(({ id }) => id) };
  });
  const backends = new Set(serving.filter((one) => one.ids.length > 0).map((one) => one.backend));
  return {
    instances: serving.flatMap((one) => one.ids).filter((id) => isAbsent.has(id)),
    backends: absent.backends.filter((name) => backends.has(name)),
  };
}

/** What HAProxy serves, without what is absent. */
export function presentKeys({ backends }: ActualState, absent: Absent): ReadonlySet<string> {
  const owned = Object.values(backends);
  const all = keysOf({
    instances: owned.flatMap((one) => servingSlots(one).map(({ id }) => id)),
    backends: owned.filter(({ ours }) => ours).map(({ name }) => name),
  });
  const missing = new Set(keysOf(absent));
  return new Set(all.filter((key) => !missing.has(key)));
}

const kinds = { instances: 'server ', backends: 'backend ' } as const;

function keysOf({ instances, backends }: Absent): string[] {
  return [
    ...instances.map((id) => kinds.instances + id),
    ...backends.map((name) => kinds.backends + name),
  ];
}

function absentOf(keys: readonly string[]): Absent {
  const of = (kind: string): string[] =>
    keys.filter((key) => key.startsWith(kind)).map((key) => key.slice(kind.length));
  return { instances: of(kinds.instances), backends: of(kinds.backends) };
}

function lastingOf(young: readonly Absence[], holdMs: number): LastingHold {
  const since = young.map((one) => one.since);
  const first = since.reduce((a, b) => Math.min(a, b));
  const last = since.reduce((a, b) => Math.max(a, b));
  const oldest = young.map(({ forMs }) => forMs).reduce((a, b) => Math.max(a, b));
  return { since: first, until: last + Math.ceil(holdMs / 1000), remainingMs: holdMs - oldest };
}

function reasonOf(input: TracelessInput, waiting: Absent, { since, until }: LastingHold): string {
  const what = `${waiting.instances.length} servers and ${waiting.backends.length} backends`;
  return (
    `Nomad doesn't list ${what} since ${timeOf(since)}, and nothing tells why${behindText(input)}; ` +
    `removed at ${timeOf(until)} if that lasts, or at once with --allow-removals`
  );
}

/** Without the index itself: a warning that changes with each read would be logged each time. */
function behindText({ actual: { marker }, catalog: { index } }: TracelessInput): string {
  if (marker.nomadIndex === undefined || index > marker.nomadIndex) return '';
  if (index === marker.nomadIndex) return `; at this very index, ${index}, it had them`;
  return `; its index is lower than ${marker.nomadIndex}, at which HAProxy was last written: another or a restored cluster?`;
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
