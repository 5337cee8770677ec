/**
 * Instances that HAProxy serves and whose job ended. Of a job that was stopped while no connector ran,
 * the allocations may be collected as garbage and the job itself still be listed. Of a purged one
 * Nomad deletes the allocations at once; what stays is the evaluation, for `eval_gc_threshold` (1 h).
 * Both are asked for only while somebody misses an instance.
 */

import type PQueue from 'p-queue';
import { mapQueued } from '../../shared/concurrent.js';
import { memoLast } from '../../shared/memo.js';
import { isAddressable } from './job-endpoint.js';
import { allocationOf } from './model/allocation.js';
import { keyOf, label } from './model/keys.js';
import type { NomadApi } from '../nomad/api.js';
import type { WireJobStub } from '../nomad/answers/shapes.js';
import { toJobSpec } from './model/spec.js';
import type { Catalog, ServedInstance } from '../types.js';

/** The ones that were stopped last; the others' services wait like any that has no trace. */
const maxRead = 100;

export class EndedJobs {
  #stubs: readonly WireJobStub[] = [];
  #services: Catalog['services'] = [];
  #allocations: Catalog['allocations'] = {};
  /** Labels of the services, by job and version of it. */
  #read = new Map<string, readonly string[]>();
  readonly #missed = memoLast(missedIn);

  readonly #api: NomadApi;
  readonly #queue: PQueue;
  readonly #namespaces: readonly string[];

  constructor(api: NomadApi, queue: PQueue, namespaces: readonly string[]) {
    this.#api = api;
    this.#queue = queue;
    this.#namespaces = namespaces;
  }

  /** The last read. */
  remember(jobs: Iterable<WireJobStub>, catalog: Pick<Catalog, 'services' | 'allocations'>): void {
    this.#stubs = [...jobs].filter((job) => hasEnded(job) && isAddressable(job.ID));
    this.#services = catalog.services;
    this.#allocations = catalog.allocations;
  }

  /** IDs of these instances that the last read lacks, and whose job was stopped or purged. */
  async among(served: readonly ServedInstance[], signal: AbortSignal): Promise<readonly string[]> {
    const missed = this.#missed(served, this.#allocations);
    if (missed.length === 0) return [];
    const listed = new Set(this.#services.map(({ namespace, name }) => label(namespace, name)));
    const gone = missed.filter(({ service }) => !listed.has(service));
    const services = [...new Set(gone.map(({ service }) => service))];
    const declared = await this.#declaring(services, signal);
    const stopped = new Set(gone.filter((one) => declared.has(one.service)).map(({ id }) => id));
    const purged = await this.#purged(
      missed.filter(({ id }) => !stopped.has(id)),
      signal,
    );
    return [...stopped, ...purged];
  }

  /** Of instances, those whose job was purged after they were registered. */
  async #purged(
    missed: readonly ServedInstance[],
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    if (missed.length === 0) return [];
    const purges = new Map<string, number>();
    for (const namespace of this.#namespaces) {
      for (const one of await this.#api.deregistrations(namespace, signal)) {
        const key = keyOf(one.Namespace, one.JobID);
        purges.set(key, Math.max(one.CreateIndex, purges.get(key) ?? 0));
      }
    }
    return missed
      .filter((one) => one.createIndex < (purges.get(keyOf(one.namespace, one.job)) ?? 0))
      .map(({ id }) => id);
  }

  /** What stopped jobs of these services' namespaces declare, as `namespace/name`. */
  async #declaring(services: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const candidates = this.#stubs
      .filter(({ Namespace }) => services.some((one) => one.startsWith(`${Namespace}/`)))
      .sort((a, b) => b.JobModifyIndex - a.JobModifyIndex)
      .slice(0, services.length === 0 ? 0 : maxRead);
    const read = await mapQueued(this.#queue, candidates, signal, async (stub, scope) => {
      const key = `${keyOf(stub.Namespace, stub.ID)} ${stub.JobModifyIndex}`;
      return [key, this.#read.get(key) ?? (await this.#servicesOf(stub, scope))] as const;
    });
    this.#read = new Map(read);
    return new Set(read.flatMap(([, labels]) => labels));
  }

  async #servicesOf(
    { Namespace, ID, JobModifyIndex }: WireJobStub,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const answer = await this.#api.job(Namespace, ID, signal);
    // Somebody may have started it again since it was listed.
    if (answer.status !== 'known' || answer.job.JobModifyIndex !== JobModifyIndex) return [];
    return toJobSpec(answer.job).blocks.map(({ name }) => label(Namespace, name));
  }
}

/** Those whose allocation isn't known. */
function missedIn(
  served: readonly ServedInstance[],
  allocations: Catalog['allocations'],
): readonly ServedInstance[] {
  return served.filter(({ id }) => {
    const allocation = allocationOf(id);
    return allocation !== '' && allocations[allocation] === undefined;
  });
}

/** A service job that is dead and not stopped is scaled to zero, and still declares its services. */
function hasEnded({ Stop, Type, Status }: WireJobStub): boolean {
  return Stop || ((Type === 'batch' || Type === 'sysbatch') && Status === 'dead');
}
