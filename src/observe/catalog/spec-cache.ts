/**
 * Job specs, read only if they changed. Three stores:
 * - live: the last spec read of each job that exists, until its JobModifyIndex is another one;
 * - versions: a version never changes, so those that allocations still run are kept as they were
 *   when they were live, or are read once from any allocation that runs them;
 * - orphans: specs of allocations whose job was purged (or purged and registered again), which only
 *   the allocation itself still holds.
 */

import type PQueue from 'p-queue';
import { mapQueued } from '../../shared/concurrent.js';
import { sameList } from '../../shared/same.js';
import { keyOf, label } from './model/keys.js';
import type { NomadApi } from '../nomad/api.js';
import type { WireAllocation, WireJob, WireJobStub } from '../nomad/answers/shapes.js';
import { toJobSpec, type JobSpec } from './model/spec.js';

export interface SpecProblems {
  /** Objects that were listed and then gave a 404. */
  readonly gone: string[];
  /** Keys of jobs whose spec exceeds a limit: only they lose by it. */
  readonly oversized: Set<string>;
  /** Reason by job key. */
  readonly unreadable: Map<string, string>;
}

export type JobStubs = ReadonlyMap<string, WireJobStub>;

export class SpecCache {
  readonly #live = new Map<string, JobSpec>();
  readonly #versions = new Map<string, JobSpec>();
  readonly #orphans = new Map<string, JobSpec>();
  #liveSpecs: readonly JobSpec[] = [];

  readonly #api: NomadApi;
  readonly #queue: PQueue;

  constructor(api: NomadApi, queue: PQueue) {
    this.#api = api;
    this.#queue = queue;
  }

  clear(): void {
    for (const store of [this.#live, this.#versions, this.#orphans]) store.clear();
  }

  /** The last known specs of live jobs; the same list as long as they are. */
  get liveSpecs(): readonly JobSpec[] {
    return (this.#liveSpecs = sameList(this.#liveSpecs, [...this.#live.values()]));
  }

  isKnown(jobKey: string): boolean {
    return this.#live.has(jobKey);
  }

  /**
   * Updates the live specs from the jobs that may declare services. Returns those that are new, and
   * those that were replaced or dropped.
   */
  async readLive(
    jobs: JobStubs,
    problems: SpecProblems,
    signal: AbortSignal,
  ): Promise<readonly JobSpec[]> {
    const before = new Map(this.#live);
    await this.#updateLive(jobs, problems, signal);
    const isIn = (specs: ReadonlyMap<string, JobSpec>) => (entry: readonly [string, JobSpec]) =>
      specs.get(entry[0]) === entry[1];
    const old = [...before].filter((entry) => !isIn(this.#live)(entry));
    const fresh = [...this.#live].filter((entry) => !isIn(before)(entry));
    return [...old, ...fresh].map(([, spec]) => spec);
  }

  async #updateLive(jobs: JobStubs, problems: SpecProblems, signal: AbortSignal): Promise<void> {
    for (const jobKey of this.#live.keys()) if (!jobs.has(jobKey)) this.#live.delete(jobKey);
    const changed = [...jobs].filter(([jobKey, stub]) => !this.#isCurrent(jobKey, stub));
    await mapQueued(this.#queue, changed, signal, async ([jobKey, stub], scope) => {
      const read = await this.#api.job(stub.Namespace, stub.ID, scope);
      if (read.status === 'unreadable') {
        problems.unreadable.set(jobKey, read.reason);
        if (read.limit !== undefined) problems.oversized.add(jobKey);
      }
      if (read.status === 'gone') {
        this.#live.delete(jobKey);
        problems.gone.push(`job ${label(stub.Namespace, stub.ID)}`);
      }
      if (read.status !== 'known') return;
      const spec = parsed(read.job, jobKey, problems);
      if (spec === undefined) return;
      this.#live.set(jobKey, spec);
      this.#versions.set(versionKey(spec.namespace, spec.id, spec.createIndex, spec.version), spec);
    });
  }

  /** The spec the allocation runs, if it was read. */
  specOf(alloc: WireAllocation, jobs: JobStubs): JobSpec | undefined {
    const key = storeKey(alloc, jobs);
    return this.#versions.get(key) ?? this.#orphans.get(key);
  }

  /** Reads the specs of these allocations that `specOf` lacks, each version once. */
  async readOlder(
    allocs: readonly WireAllocation[],
    jobs: JobStubs,
    problems: SpecProblems,
    signal: AbortSignal,
  ): Promise<void> {
    const wanted = new Map<string, WireAllocation>();
    for (const alloc of allocs) {
      if (problems.unreadable.has(keyOf(alloc.Namespace, alloc.JobID))) continue;
      if (this.specOf(alloc, jobs) === undefined) wanted.set(storeKey(alloc, jobs), alloc);
    }
    await mapQueued(this.#queue, [...wanted], signal, async ([key, alloc], scope) => {
      const read = await this.#api.allocationJob(alloc.ID, scope);
      if (read.status === 'gone') problems.gone.push(`allocation ${alloc.ID}`);
      if (read.status === 'unreadable') {
        problems.unreadable.set(keyOf(alloc.Namespace, alloc.JobID), read.reason);
      }
      if (read.status !== 'known') return;
      const spec = parsed(read.job, keyOf(alloc.Namespace, alloc.JobID), problems);
      if (spec !== undefined) this.#storeOlder(key, spec);
    });
  }

  /** Drops versions that no live job and none of the given allocations needs. */
  prune(allocs: readonly WireAllocation[], jobs: JobStubs): void {
    const needed = new Set(allocs.map((alloc) => storeKey(alloc, jobs)));
    for (const spec of this.#live.values()) {
      needed.add(versionKey(spec.namespace, spec.id, spec.createIndex, spec.version));
    }
    for (const store of [this.#versions, this.#orphans]) {
      for (const key of store.keys()) if (!needed.has(key)) store.delete(key);
    }
  }

  #isCurrent(jobKey: string, stub: WireJobStub): boolean {
    const spec = this.#live.get(jobKey);
    return (
      spec !== undefined &&
      spec.modifyIndex === stub.JobModifyIndex &&
      spec.createIndex === stub.CreateIndex
    );
  }

  #storeOlder(key: string, spec: JobSpec): void {
    const own = versionKey(spec.namespace, spec.id, spec.createIndex, spec.version);
    if (own === key) this.#versions.set(key, spec);
    else this.#orphans.set(key, spec);
  }
}

/** A spec that we can't take in concerns its job alone. */
function parsed(job: WireJob, jobKey: string, problems: SpecProblems): JobSpec | undefined {
  try {
    return toJobSpec(job);
  } catch (error) {
    problems.oversized.add(jobKey);
    problems.unreadable.set(jobKey, error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

interface StoreKey {
  readonly jobKey: string;
  /** The job's, as it is listed. */
  readonly createIndex: number | undefined;
  readonly key: string;
}

/** Looked up many times in every read. */
const storeKeys = new WeakMap<WireAllocation, StoreKey>();

/**
 * Versions restart at 0 when a purged job is registered again, so a version number alone is
 * ambiguous. An allocation older than its job ran an earlier job of that name.
 */
function storeKey(alloc: WireAllocation, jobs: JobStubs): string {
  const known = storeKeys.get(alloc);
  const jobKey = known?.jobKey ?? keyOf(alloc.Namespace, alloc.JobID);
  const createIndex = jobs.get(jobKey)?.CreateIndex;
  if (known !== undefined && known.createIndex === createIndex) return known.key;
  const key =
    createIndex === undefined || alloc.CreateIndex < createIndex
      ? `${alloc.ID} ${alloc.JobVersion}`
      : versionKey(alloc.Namespace, alloc.JobID, createIndex, alloc.JobVersion);
  storeKeys.set(alloc, { jobKey, createIndex, key });
  return key;
}

function versionKey(namespace: string, id: string, createIndex: number, version: number): string {
  return `${keyOf(namespace, id)} ${createIndex} ${version}`;
}
