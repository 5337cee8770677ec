/**
 * Namespaces that disappeared from a list over all of them. A token that lost access to one still
 * gets a 200 with the others. So each missing namespace is requested by name, which gives a 403 if
 * access was lost.
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

  /** All namespaces of the last read. */
  get seen(): readonly string[] {
    return [...new Set([...this.#services, ...this.#jobs])].sort();
  }

  /**
   * Those of the given namespaces that the last read lacked but that may still exist: the token
   * can't read them, or Nomad still has services there.
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

  /** Requests it by name. Undefined if access was lost (403). */
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

  /** Why missing namespaces may still exist. Those the token can't read are `hidden`. */
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
    return `Nomad omitted namespace ${namespace} from a list but still has it`;
  }
}
