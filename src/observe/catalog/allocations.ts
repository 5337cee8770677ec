/**
 * Reads allocations: at each read the list without resources, which is a third of the size, and
 * resources and tasks of those whose ModifyIndex is another than before.
 *
 * Nomad keeps ended ones for hours, in a busy cluster many times more than run.
 * Only one fact about them matters: that an instance HAProxy may still serve has ended. So a read
 * asks for allocations that have not ended, plus the few it misses: those of instances that are, or
 * were seen, registered. The first read also asks for all ended ones, without their resources,
 * because instances served before this process started are unknown. So does a read after a failed
 * pass or a held removal.
 */

import { sameMap } from '../../shared/same.js';
import { breathe } from '../../shared/slices.js';
import type { AllocationsOptions, Indexed, NomadApi } from '../nomad/api.js';
import type { WireAllocation } from '../nomad/answers/shapes.js';
import { hasEnded } from './model/allocation.js';
import type { AllocationSight } from '../types.js';

/** Tested with Nomad 2.0. An unknown status counts as not ended. */
const notEnded =
  'ClientStatus != "complete" and ClientStatus != "failed" and ClientStatus != "lost"';

/**
 * How long ended allocations are reported: longer than a drain and the retries of a failing pass.
 */
const keepMs = 3_600_000;
/** Minimum time between full reads, even if passes keep failing. */
const refreshMs = 60_000;
/** Until then, ended allocations that were never seen registered are reported. */
const keepUnseenMs = 2 * refreshMs;
/** IDs per filter: about 2 kB of URL, where a proxy may allow 8. */
const idsInFilter = 50;
/** If more have changed, a list of all with their details is the smaller work. */
const mostById = 100;

const id = /^[0-9a-f-]{36}$/i;

export interface AllocationsRead {
  readonly index: number;
  /** The same object as in the last read if nothing changed. */
  readonly allocations: ReadonlyMap<string, WireAllocation>;
  /** Those that are new, changed or (as they were) gone since the last read. */
  readonly changed: readonly WireAllocation[];
}

/** A read that is the same again until then, as long as its list and the instances are. */
interface Steady {
  readonly stubs: readonly WireAllocation[];
  readonly registered: ReadonlySet<string>;
  /** When the first of what is remembered may be forgotten, or has to be seen again. */
  readonly until: number;
}

export type OnSight = (seen: readonly AllocationSight[]) => void;

interface Ended {
  readonly alloc: WireAllocation;
  readonly until: number;
}

export class AllocationReader {
  /** Time of the last full read. */
  #allAt = -Infinity;
  /** False if Nomad, or a proxy in front of it, rejects filters. */
  #filters = true;
  /** Allocations of instances seen registered, with the time to forget them. */
  readonly #seen = new Map<string, number>();
  readonly #ended = new Map<string, Ended>();
  /** Allocations that Nomad no longer has, with the index of that answer. */
  readonly #gone = new Map<string, number>();
  /** As last read with resources and tasks. */
  #detailed: ReadonlyMap<string, WireAllocation> = new Map();
  /** The list without them to which `#detailed` belongs. */
  #stubs: readonly WireAllocation[] | undefined;
  #last: ReadonlyMap<string, WireAllocation> = new Map();
  #steady: Steady | undefined;

  readonly #api: NomadApi;
  readonly #namespaces: readonly string[];
  readonly #now: () => number;

  constructor(api: NomadApi, namespaces: readonly string[], now: () => number) {
    this.#api = api;
    this.#namespaces = namespaces;
    this.#now = now;
  }

  clear(): void {
    this.#allAt = -Infinity;
    this.#ended.clear();
    this.#gone.clear();
    this.expire();
  }

  /** The next read asks for the details of all. */
  expire(): void {
    this.#detailed = new Map();
    this.#steady = undefined;
  }

  /** After an absence or a failure, the next read asks for ended ones too, unless one just did. */
  refresh(): void {
    if (this.#now() - this.#allAt >= refreshMs) this.#allAt = -Infinity;
  }

  /** `onSight` is told of those that changed as soon as their status is known. */
  async read(
    registered: ReadonlySet<string>,
    signal: AbortSignal,
    onSight: OnSight = () => undefined,
  ): Promise<AllocationsRead> {
    const now = this.#now();
    const steady = this.#steady;
    this.#steady = undefined;
    const { index, body } = await this.#notEnded(signal, onSight);
    if (steady !== undefined && this.#isAsBefore(steady, registered, now)) {
      this.#steady = steady;
      return { index, allocations: this.#last, changed: [] };
    }
    await breathe();
    this.#detailed = new Map(body.map((alloc) => [alloc.ID, alloc]));
    const allocations = new Map(this.#detailed);
    await breathe();
    if (this.#filters && this.#allAt === -Infinity) {
      const ended = await this.#list(`not (${notEnded})`, signal, { details: false });
      for (const alloc of ended.body) this.#noteEnded(alloc);
      this.#allAt = now;
    }
    const until = now + keepMs;
    for (const alloc of registered) this.#seen.set(alloc, until);
    const unknown = this.#unknown(allocations, registered, index);
    const missed = await this.#lookUp(unknown, index, signal);
    onSight(missed.map(toSight));
    for (const alloc of missed) allocations.set(alloc.ID, alloc);
    for (const alloc of allocations.values()) this.#noteEnded(alloc);
    this.#forget(allocations);
    for (const [key, { alloc }] of this.#ended) allocations.set(key, alloc);
    await breathe();
    const before = this.#last;
    this.#last = sameMap(before, allocations);
    if (unknown.length === 0 && this.#gone.size === 0)
      this.#steady = this.#steadyFrom(registered, now);
    return { index, allocations: this.#last, changed: differing(before, this.#last) };
  }

  #steadyFrom(registered: ReadonlySet<string>, now: number): Steady | undefined {
    if (this.#stubs === undefined) return undefined;
    let until = now + keepMs / 4;
    for (const one of this.#seen.values()) until = Math.min(until, one);
    for (const one of this.#ended.values()) until = Math.min(until, one.until);
    return { stubs: this.#stubs, registered, until };
  }

  #isAsBefore({ stubs, registered, until }: Steady, now: ReadonlySet<string>, at: number): boolean {
    const isAsked = this.#filters && this.#allAt === -Infinity;
    return !isAsked && stubs === this.#stubs && registered === now && at < until;
  }

  async #notEnded(
    signal: AbortSignal,
    onSight: OnSight,
  ): Promise<Indexed<readonly WireAllocation[]>> {
    const stubs = this.#stubs;
    this.#stubs = undefined;
    if (!this.#filters || this.#detailed.size === 0) return this.#list(notEnded, signal);
    const { index, body } = await this.#list(notEnded, signal, { details: false, again: true });
    await breathe();
    // Nomad, or the proxy, rejected the filter just now.
    if (!this.#filters) return { index, body };
    const now =
      body === stubs
        ? [...this.#detailed.values()]
        : await this.#withDetails(body, signal, onSight);
    this.#stubs = body;
    return { index, body: now };
  }

  async #withDetails(
    stubs: readonly WireAllocation[],
    signal: AbortSignal,
    onSight: OnSight,
  ): Promise<readonly WireAllocation[]> {
    const changed = stubs.filter((stub) => this.#asBefore(stub) === undefined);
    onSight(changed.map(toSight));
    if (changed.length > mostById) {
      const { body } = await this.#list(notEnded, signal);
      return body.map((alloc) => this.#asBefore(alloc) ?? alloc);
    }
    const read = new Map<string, WireAllocation>();
    for (const alloc of await this.#byId(
      changed.map(({ ID }) => ID),
      signal,
    )) {
      read.set(alloc.ID, alloc);
    }
    await breathe();
    // One that has no details by now is gone.
    return stubs.flatMap((stub) => read.get(stub.ID) ?? this.#asBefore(stub) ?? []);
  }

  #asBefore({ ID, ModifyIndex }: WireAllocation): WireAllocation | undefined {
    const known = this.#detailed.get(ID);
    return typeof ModifyIndex === 'number' && known?.ModifyIndex === ModifyIndex
      ? known
      : undefined;
  }

  async #list(
    filter: string,
    signal: AbortSignal,
    how: Omit<AllocationsOptions, 'filter'> = { details: true },
  ): Promise<Indexed<readonly WireAllocation[]>> {
    const lists: Indexed<readonly WireAllocation[]>[] = [];
    for (const namespace of this.#namespaces) {
      const options = { ...how, filter: this.#filters ? filter : '' };
      const list = await this.#api.allocations(namespace, options, signal);
      if (list === undefined) {
        this.#filters = false;
        return this.#list('', signal);
      }
      lists.push(list);
    }
    const [first, ...others] = lists.map(({ body }) => body);
    return {
      index: Math.min(...lists.map(({ index }) => index)),
      body: first !== undefined && others.length === 0 ? first : [first ?? [], ...others].flat(),
    };
  }

  /** Allocations of present or past instances that are not listed and not known to be over. */
  #unknown(
    listed: ReadonlyMap<string, WireAllocation>,
    registered: ReadonlySet<string>,
    index: number,
  ): string[] {
    if (!this.#filters) return [];
    const isKnown = (key: string): boolean => {
      const ended = this.#ended.get(key);
      // Registered instances need their ports.
      return ended !== undefined && !(registered.has(key) && lacksDetails(ended.alloc));
    };
    return [...this.#seen.keys()].filter(
      (key) => !listed.has(key) && !isKnown(key) && this.#gone.get(key) !== index && id.test(key),
    );
  }

  async #lookUp(
    ids: readonly string[],
    index: number,
    signal: AbortSignal,
  ): Promise<readonly WireAllocation[]> {
    const found = await this.#byId(ids, signal);
    const known = new Set(found.map(({ ID }) => ID));
    for (const key of ids) if (!known.has(key)) this.#gone.set(key, index);
    return found;
  }

  async #byId(ids: readonly string[], signal: AbortSignal): Promise<readonly WireAllocation[]> {
    const found: WireAllocation[] = [];
    for (let at = 0; at < ids.length; at += idsInFilter) {
      const asked = ids.slice(at, at + idsInFilter).join('|');
      found.push(...(await this.#list(`ID matches "^(${asked})$"`, signal)).body);
    }
    return found;
  }

  #noteEnded(alloc: WireAllocation): void {
    if (!hasEnded(alloc)) return;
    const seen = this.#seen.get(alloc.ID);
    const kept = seen === undefined ? withoutDetails(alloc) : alloc;
    this.#ended.set(alloc.ID, { alloc: kept, until: seen ?? this.#now() + keepUnseenMs });
  }

  #forget(listed: ReadonlyMap<string, WireAllocation>): void {
    const now = this.#now();
    for (const [key, until] of this.#seen) if (until < now) this.#seen.delete(key);
    for (const [key, { until }] of this.#ended) {
      const running = listed.get(key);
      const isBack = running !== undefined && !hasEnded(running);
      if (isBack || (until < now && !this.#seen.has(key))) this.#ended.delete(key);
    }
    for (const key of this.#gone.keys()) if (!this.#seen.has(key)) this.#gone.delete(key);
  }
}

function differing(
  before: ReadonlyMap<string, WireAllocation>,
  now: ReadonlyMap<string, WireAllocation>,
): readonly WireAllocation[] {
  if (before === now) return [];
  const changed = [...now].filter(([key, alloc]) => before.get(key) !== alloc);
  const gone = [...before].filter(([key]) => !now.has(key));
  return [...changed, ...gone].map(([, alloc]) => alloc);
}

export function toSight({ ID, ClientStatus, DesiredStatus }: WireAllocation): AllocationSight {
  return { id: ID, clientStatus: ClientStatus, desiredStatus: DesiredStatus };
}

function lacksDetails({ AllocatedResources }: WireAllocation): boolean {
  return AllocatedResources === undefined;
}

/** Thousands are kept for a while, so drop the resources that are no longer needed. */
function withoutDetails(alloc: WireAllocation): WireAllocation {
  const { ID, Name, Namespace, NodeName, JobID, JobVersion, TaskGroup } = alloc;
  const { DeploymentStatus, ClientStatus, DesiredStatus, CreateIndex } = alloc;
  const job = { ID, Name, Namespace, NodeName, JobID, JobVersion, TaskGroup, DeploymentStatus };
  return { ...job, ClientStatus, DesiredStatus, CreateIndex };
}
