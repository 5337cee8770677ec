/**
 * Namespaces that went from a list over all of them. A token that lost its rights on one gets the
 * others and a 200, so each that went is asked for by name, where lost rights are a 403.
 */

import { asConnectorError } from '../../shared/errors.js';
import { keyOf } from './model/keys.js';
import type { NomadApi } from '../nomad/api.js';
import type { WireJobStub, WireServiceGroup } from '../nomad/answers/shapes.js';
import type { Snapshot } from './model/snapshot.js';

interface Asked {
  readonly services: readonly WireServiceGroup[];
  readonly jobs: readonly WireJobStub[];
}

export class NamespaceWatch {
  #services: ReadonlySet<string> = new Set();
  #jobs: ReadonlySet<string> = new Set();

  readonly #api: NomadApi;

  constructor(api: NomadApi) {
    this.#api = api;
  }

  /** All that were in the last read. */
  get seen(): readonly string[] {
    return [...new Set([...this.#services, ...this.#jobs])].sort();
  }

  /**
   * Of the given ones, those that the last read left out and that may be there all the same: the
   * token may not read them, or Nomad still has services there.
   */
  async hidden(namespaces: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const hidden: string[] = [];
    for (const namespace of namespaces.filter((one) => !this.#services.has(one))) {
      const asked = await this.#ask(namespace, signal);
      const isEmpty = asked?.services.every(({ Services }) => Services.length === 0);
      if (isEmpty !== true) hidden.push(namespace);
    }
    return hidden;
  }

  /** By its name, where lost rights are a 403; undefined then. */
  async #ask(namespace: string, signal: AbortSignal): Promise<Asked | undefined> {
    try {
      const services = await this.#api.services(namespace, signal);
      const jobs = await this.#api.jobs(namespace, signal);
      return { services: services.body, jobs: jobs.body };
    } catch (error) {
      if (asConnectorError(error).code === 'nomad-refused') return undefined;
      throw error;
    }
  }

  /** Why those that went may be there all the same. What the token may not read is `hidden`. */
  async confirm(snapshot: Snapshot, signal: AbortSignal): Promise<string | undefined> {
    const services = new Set(snapshot.names.map(({ namespace }) => namespace));
    const allocs = [...snapshot.allocations.values()].map(({ Namespace }) => Namespace);
    const jobs = new Set([...snapshot.jobs.values()].map(({ Namespace }) => Namespace));
    for (const namespace of allocs) jobs.add(namespace);
    const went = [
      ...[...this.#services].filter((namespace) => !services.has(namespace)),
      ...[...this.#jobs].filter((namespace) => !jobs.has(namespace)),
    ];
    for (const namespace of new Set(went)) {
      const doubt = await this.#confirmOne(namespace, snapshot, signal);
      if (doubt !== undefined) return doubt;
    }
    this.#services = services;
    this.#jobs = jobs;
    return undefined;
  }

  async #confirmOne(
    namespace: string,
    snapshot: Snapshot,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const asked = await this.#ask(namespace, signal);
    if (asked === undefined) return undefined;
    const { services, jobs } = asked;
    const listed = new Set(snapshot.names.map(({ namespace: ns, name }) => keyOf(ns, name)));
    const hidesServices = services.some(({ Namespace, Services }) =>
      Services.some(({ ServiceName }) => !listed.has(keyOf(Namespace, ServiceName))),
    );
    const hidesJobs = jobs.some((job) => !snapshot.jobs.has(keyOf(job.Namespace, job.ID)));
    if (!hidesServices && !hidesJobs) return undefined;
    return `Nomad left ${namespace} out of a list, and still has it`;
  }
}
