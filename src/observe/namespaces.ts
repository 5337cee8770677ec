/**
 * Namespaces that went from a list over all of them. A token that lost its rights on one gets the
 * others and a 200, so each that went is asked for by name, where lost rights are a 403.
 */

import { keyOf } from './keys.pure.js';
import type { NomadApi } from './nomad-api.js';
import type { Snapshot } from './snapshot.pure.js';

export class NamespaceWatch {
  private services: ReadonlySet<string> = new Set();
  private jobs: ReadonlySet<string> = new Set();

  constructor(private readonly api: NomadApi) {}

  /** All that were in the last read. */
  get seen(): readonly string[] {
    return [...new Set([...this.services, ...this.jobs])].sort();
  }

  /** Why those that went may be there all the same. Throws `nomad-refused` for lost rights. */
  async confirm(snapshot: Snapshot, signal: AbortSignal): Promise<string | undefined> {
    const services = new Set(snapshot.names.map(({ namespace }) => namespace));
    const allocs = [...snapshot.allocations.values()].map(({ Namespace }) => Namespace);
    const jobs = new Set([...snapshot.jobs.values()].map(({ Namespace }) => Namespace));
    for (const namespace of allocs) jobs.add(namespace);
    const went = [
      ...[...this.services].filter((namespace) => !services.has(namespace)),
      ...[...this.jobs].filter((namespace) => !jobs.has(namespace)),
    ];
    for (const namespace of new Set(went)) {
      const doubt = await this.confirmOne(namespace, snapshot, signal);
      if (doubt !== undefined) return doubt;
    }
    this.services = services;
    this.jobs = jobs;
    return undefined;
  }

  private async confirmOne(
    namespace: string,
    snapshot: Snapshot,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const services = await this.api.services(namespace, signal);
    const jobs = await this.api.jobs(namespace, signal);
    const listed = new Set(snapshot.names.map(({ namespace: ns, name }) => keyOf(ns, name)));
    const hidesServices = services.body.some(({ Namespace, Services }) =>
      Services.some(({ ServiceName }) => !listed.has(keyOf(Namespace, ServiceName))),
    );
    const hidesJobs = jobs.body.some((job) => !snapshot.jobs.has(keyOf(job.Namespace, job.ID)));
    if (!hidesServices && !hidesJobs) return undefined;
    return `Nomad left ${namespace} out of a list, and still has it`;
  }
}
