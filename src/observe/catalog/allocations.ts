/**
 * Allocations. Nomad keeps those that ended for hours, in a busy cluster many times as many as run,
 * and what matters of them is one thing: an instance that HAProxy may still serve, and that left the
 * catalog, has ended. So a read asks for those that have not ended, and once more for the few that
 * it misses: of instances that are registered, or that this process saw registered. What was served
 * before this process began is unknown here, so the first read asks for all that ended too, without
 * what they ran with; so does one after a failed pass or a held removal.
 */

import type { Indexed, NomadApi } from '../nomad/api.js';
import type { WireAllocation } from '../nomad/answers/shapes.js';

/** Asked of Nomad 2.0; a status that is new one day counts as not ended. */
const notEnded =
  'ClientStatus != "complete" and ClientStatus != "failed" and ClientStatus != "lost"';

/** How long an ended allocation is told of: longer than a drain takes and a failing pass is retried. */
const keepMs = 3_600_000;
/** All are read again no sooner, however often a pass fails. */
const refreshMs = 60_000;
/** Those that nobody saw registered are told of until then. */
const keepUnseenMs = 2 * refreshMs;
/** Of these a filter of 2 kB is made; a proxy may allow 8. */
const idsInFilter = 50;

const id = /^[0-9a-f-]{36}$/i;

export interface AllocationsRead {
  readonly index: number;
  readonly allocations: ReadonlyMap<string, WireAllocation>;
}

interface Ended {
  readonly alloc: WireAllocation;
  readonly until: number;
}

export class AllocationReader {
  /** When all of them were read. */
  #allAt = -Infinity;
  /** Nomad, or what stands before it, can't read filters. */
  #filters = true;
  /** Allocations of instances that were registered in an earlier read, and then when to forget them. */
  readonly #seen = new Map<string, number>();
  readonly #ended = new Map<string, Ended>();
  /** What Nomad has no more, and the index at which it said so. */
  readonly #gone = new Map<string, number>();

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
  }

  /** Something was absent, or failed: the next read asks for all, unless one did just now. */
  refresh(): void {
    if (this.#now() - this.#allAt >= refreshMs) this.#allAt = -Infinity;
  }

  async read(registered: ReadonlySet<string>, signal: AbortSignal): Promise<AllocationsRead> {
    const now = this.#now();
    const { index, body } = await this.#list(notEnded, signal);
    const allocations = new Map(body.map((alloc) => [alloc.ID, alloc]));
    if (this.#filters && this.#allAt === -Infinity) {
      const ended = await this.#list(`not (${notEnded})`, signal, false);
      for (const alloc of ended.body) this.#noteEnded(alloc);
      this.#allAt = now;
    }
    for (const alloc of registered) this.#seen.set(alloc, now + keepMs);
    const missed = await this.#lookUp(this.#unknown(allocations, registered, index), index, signal);
    for (const alloc of missed) allocations.set(alloc.ID, alloc);
    for (const alloc of allocations.values()) this.#noteEnded(alloc);
    this.#forget(allocations);
    for (const [key, { alloc }] of this.#ended) allocations.set(key, alloc);
    return { index, allocations };
  }

  async #list(
    filter: string,
    signal: AbortSignal,
    details = true,
  ): Promise<Indexed<readonly WireAllocation[]>> {
    const lists: Indexed<readonly WireAllocation[]>[] = [];
    for (const namespace of this.#namespaces) {
      const options = { filter: this.#filters ? filter : '', details };
      const list = await this.#api.allocations(namespace, options, signal);
      if (list === undefined) {
        this.#filters = false;
        return this.#list('', signal);
      }
      lists.push(list);
    }
    return {
      index: Math.min(...lists.map(({ index }) => index)),
      body: lists.flatMap(({ body }) => body),
    };
  }

  /** What is registered or was, and is neither listed nor known well enough to have ended or gone. */
  #unknown(
    listed: ReadonlyMap<string, WireAllocation>,
    registered: ReadonlySet<string>,
    index: number,
  ): string[] {
    if (!this.#filters) return [];
    const isKnown = (key: string): boolean => {
      const ended = this.#ended.get(key);
      // What is registered is told of with its ports.
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
    const found: WireAllocation[] = [];
    for (let at = 0; at < ids.length; at += idsInFilter) {
      const asked = ids.slice(at, at + idsInFilter).join('|');
      found.push(...(await this.#list(`ID matches "^(${asked})$"`, signal)).body);
    }
    const known = new Set(found.map(({ ID }) => ID));
    for (const key of ids) if (!known.has(key)) this.#gone.set(key, index);
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

function hasEnded({ ClientStatus }: WireAllocation): boolean {
  return ClientStatus === 'complete' || ClientStatus === 'failed' || ClientStatus === 'lost';
}

function lacksDetails({ AllocatedResources }: WireAllocation): boolean {
  return AllocatedResources === undefined;
}

/** Thousands of them are kept for a while: what they ran with is of no use any more. */
function withoutDetails(alloc: WireAllocation): WireAllocation {
  const { ID, Name, Namespace, JobID, JobVersion, TaskGroup, DeploymentStatus } = alloc;
  const { ClientStatus, DesiredStatus, CreateIndex } = alloc;
  const job = { ID, Name, Namespace, JobID, JobVersion, TaskGroup, DeploymentStatus };
  return { ...job, ClientStatus, DesiredStatus, CreateIndex };
}
