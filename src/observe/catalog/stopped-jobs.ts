/**
 * Services of jobs that Nomad lists as stopped. Of a job that was stopped while no connector ran, the
 * allocations may be collected as garbage and the job itself still be listed: it tells why its
 * services went. Its spec is read only when somebody misses a service.
 */

import type PQueue from 'p-queue';
import { mapQueued } from '../../shared/concurrent.js';
import { isAddressable } from './job-endpoint.js';
import { keyOf, label } from './model/keys.js';
import type { NomadApi } from '../nomad/api.js';
import type { WireJobStub } from '../nomad/answers/shapes.js';
import { toJobSpec } from './model/spec.js';

/** The ones that were stopped last; the others' services wait like any that has no trace. */
const maxRead = 100;

export class StoppedJobs {
  #stubs: readonly WireJobStub[] = [];
  /** Labels of the services, by job and version of it. */
  #read = new Map<string, readonly string[]>();

  readonly #api: NomadApi;
  readonly #queue: PQueue;

  constructor(api: NomadApi, queue: PQueue) {
    this.#api = api;
    this.#queue = queue;
  }

  /** The jobs of the last read. */
  listed(jobs: Iterable<WireJobStub>): void {
    this.#stubs = [...jobs].filter((job) => hasEnded(job) && isAddressable(job.ID));
  }

  /** Of these services (`namespace/name`), those that a stopped job declares. */
  async declaring(services: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const candidates = this.#stubs
      .filter(({ Namespace }) => services.some((one) => one.startsWith(`${Namespace}/`)))
      .sort((a, b) => b.JobModifyIndex - a.JobModifyIndex)
      .slice(0, services.length === 0 ? 0 : maxRead);
    const read = await mapQueued(this.#queue, candidates, signal, async (stub, scope) => {
      const key = `${keyOf(stub.Namespace, stub.ID)} ${stub.JobModifyIndex}`;
      return [key, this.#read.get(key) ?? (await this.#servicesOf(stub, scope))] as const;
    });
    this.#read = new Map(read);
    const declared = new Set(read.flatMap(([, labels]) => labels));
    return services.filter((one) => declared.has(one));
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

/** A service job that is dead and not stopped is scaled to zero, and still declares its services. */
function hasEnded({ Stop, Type, Status }: WireJobStub): boolean {
  return Stop || ((Type === 'batch' || Type === 'sysbatch') && Status === 'dead');
}
