/** Nomad's endpoints, typed. All throw on answers that can't be trusted. */

import { ConnectorError } from '../../shared/errors.js';
import { isAddressable, jobEndpoint } from '../catalog/job-endpoint.js';
import type { NomadClient, NomadResponse } from './client.js';
import {
  parseAllocationJob,
  parseAllocations,
  parseEvaluations,
  parseInstances,
  parseJobStubs,
  parseServiceGroups,
  type Parse,
  type WireAllocation,
  type WireEvaluation,
  type WireInstance,
  type WireJob,
  type WireJobStub,
  type WireServiceGroup,
} from './answers/shapes.js';

export interface Indexed<T> {
  readonly index: number;
  readonly body: T;
}

export type SpecRead =
  | { readonly status: 'known'; readonly job: WireJob }
  | { readonly status: 'gone' }
  | { readonly status: 'unreadable'; readonly reason: string };

export interface NomadApi {
  services(namespace: string, signal: AbortSignal): Promise<Indexed<readonly WireServiceGroup[]>>;
  instances(
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<Indexed<readonly WireInstance[]>>;
  /**
   * Filtered allocations, with or without ports and tasks; undefined if Nomad rejects the filter.
   */
  allocations(
    namespace: string,
    options: { readonly filter: string; readonly details: boolean },
    signal: AbortSignal,
  ): Promise<Indexed<readonly WireAllocation[]> | undefined>;
  /**
   * What became of jobs that were stopped or purged within `eval_gc_threshold` (1 h): the trace that
   * a purge leaves. Empty if Nomad, or a proxy, can't tell.
   */
  deregistrations(namespace: string, signal: AbortSignal): Promise<readonly WireEvaluation[]>;
  jobs(namespace: string, signal: AbortSignal): Promise<Indexed<readonly WireJobStub[]>>;
  job(namespace: string, id: string, signal: AbortSignal): Promise<SpecRead>;
  /** The job version that an allocation runs. */
  allocationJob(allocId: string, signal: AbortSignal): Promise<SpecRead>;
}

export function nomadApi(client: NomadClient): NomadApi {
  const list = async <T>(
    path: string,
    parse: Parse<T>,
    namespace: string,
    signal: AbortSignal,
  ): Promise<Indexed<T>> => {
    const { index, body } = await client.get(path, {
      query: { namespace },
      signal,
      // Jobs and allocations are at index 0 in a new cluster. Services never are: there, index 0 means
      // that the token has no rights.
      maybeUnwritten: path !== '/v1/services',
    });
    return { index, body: parse(body, path) };
  };
  return {
    services: (namespace, signal) => list('/v1/services', parseServiceGroups, namespace, signal),
    instances: (namespace, name, signal) =>
      list(`/v1/service/${encodeURIComponent(name)}`, parseInstances, namespace, signal),
    allocations: async (namespace, { filter, details }, signal) => {
      const path = '/v1/allocations';
      const { status, index, body } = await client.get(path, {
        query: {
          namespace,
          resources: details,
          ...(details ? {} : { task_states: false }),
          ...(filter === '' ? {} : { filter }),
        },
        signal,
        maybeUnwritten: true,
        allow: filter === '' ? [] : [400],
      });
      return status === 200 ? { index, body: parseAllocations(body, path) } : undefined;
    },
    deregistrations: async (namespace, signal) => {
      const path = '/v1/evaluations';
      const query = { namespace, filter: 'TriggeredBy == "job-deregister"' };
      const options = { query, signal, maybeUnwritten: true, allow: ownStatuses };
      const { status, body } = await client.get(path, options);
      return status === 200 ? parseEvaluations(body, path) : [];
    },
    jobs: (namespace, signal) => list('/v1/jobs', parseJobStubs, namespace, signal),
    job: async (namespace, id, signal) => {
      if (!isAddressable(id)) return { status: 'unreadable', reason: 'no URL can contain its ID' };
      const { path, parse } = jobEndpoint(id);
      const read = await readSpec(client, path, { namespace }, signal, (body) => parse(body, path));
      if (read.status !== 'known' || read.job.ID === id) return read;
      return { status: 'unreadable', reason: `Nomad answered ${path} with another job` };
    },
    allocationJob: (allocId, signal) => {
      const path = `/v1/allocation/${encodeURIComponent(allocId)}`;
      return readSpec(client, path, {}, signal, (body) => parseAllocationJob(body, path).Job);
    },
  };
}

/** Statuses that concern only this job or allocation. Others mean Nomad itself failed. */
const ownStatuses = [301, 302, 307, 308, 400, 403, 404, 405, 414, 500];

/** One unreadable job must not block the others, but a failure of Nomad must. */
async function readSpec(
  client: NomadClient,
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
  parse: (body: unknown) => WireJob,
): Promise<SpecRead> {
  try {
    const response = await client.get(path, { query, signal, allow: ownStatuses });
    return readSpecAnswer(response, path, parse);
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== 'nomad-untrusted') throw error;
    return { status: 'unreadable', reason: error.message };
  }
}

function readSpecAnswer(
  response: NomadResponse,
  path: string,
  parse: (body: unknown) => WireJob,
): SpecRead {
  if (response.status === 404) return { status: 'gone' };
  if (response.status === 200) return { status: 'known', job: parse(response.body) };
  return { status: 'unreadable', reason: `Nomad answered ${path} with ${response.status}` };
}
