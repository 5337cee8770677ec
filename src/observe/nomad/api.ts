/** Nomad's endpoints, typed. All throw on answers that can't be trusted. */

import { ConnectorError } from '../../shared/errors.js';
import { isAddressable, jobEndpoint } from '../catalog/job-endpoint.js';
import type { NomadClient, NomadResponse } from './client.js';
import { MalformedAnswer } from './errors.js';
import { ListFilter } from './list-filter.js';
import { LastAnswers, type Indexed } from './last-answers.js';
import { listReader } from './list-reader.js';
import { trimAllocation, trimInstance, trimJobStub } from './answers/trim.js';
import {
  parseAllocationJob,
  parseAllocations,
  parseEvaluations,
  parseInstances,
  parseJobStubs,
  parseServiceGroups,
  type WireAllocation,
  type WireEvaluation,
  type WireInstance,
  type WireJob,
  type WireJobStub,
  type WireServiceGroup,
} from './answers/shapes.js';

export type { Indexed } from './last-answers.js';

export type SpecRead =
  { readonly status: 'known'; readonly job: WireJob } | { readonly status: 'gone' } | Unreadable;

export type InstancesRead =
  ({ readonly status: 'known' } & Indexed<readonly WireInstance[]>) | Unreadable;

export interface Unreadable {
  readonly status: 'unreadable';
  readonly reason: string;
  readonly limit?: 'object_bytes';
  /** It looks like a failure of Nomad itself. */
  readonly failed?: true;
}

export interface AllocationsOptions {
  readonly filter: string;
  /** With ports and tasks. */
  readonly details: boolean;
  /** The same list is asked for at every read: see `LastAnswers`. */
  readonly again?: boolean;
}

export interface NomadApi {
  services(namespace: string, signal: AbortSignal): Promise<Indexed<readonly WireServiceGroup[]>>;
  instances(namespace: string, name: string, signal: AbortSignal): Promise<InstancesRead>;
  /** Filtered allocations; undefined if Nomad rejects the filter. */
  allocations(
    namespace: string,
    options: AllocationsOptions,
    signal: AbortSignal,
  ): Promise<Indexed<readonly WireAllocation[]> | undefined>;
  /** One allocation, without resources and tasks; empty if Nomad doesn't have it. */
  allocation(
    namespace: string,
    id: string,
    signal: AbortSignal,
  ): Promise<readonly WireAllocation[]>;
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
  const jobs = new LastAnswers<WireJobStub>(client, '/v1/jobs', parseJobStubs, trimJobStub);
  const path = '/v1/allocations';
  const stubs = new LastAnswers<WireAllocation>(client, path, parseAllocations, trimAllocation);
  const readAllocations = listReader(parseAllocations, path, trimAllocation);
  const whole = (group: WireServiceGroup): WireServiceGroup => group;
  const groups = new LastAnswers(client, '/v1/services', parseServiceGroups, whole);
  const lists = new ListFilter();
  return {
    // Index 0 means that the token has no rights, even in a new cluster.
    services: (namespace, signal) => groups.get(namespace, { signal }),
    instances: (namespace, name, signal) => readInstances(client, namespace, name, signal),
    allocations: (namespace, { filter: own, details, again = false }, signal) =>
      lists.ask('JobID', own, async (filter) => {
        const query = {
          resources: details,
          ...(details ? {} : { task_states: false }),
          ...(filter === '' ? {} : { filter }),
        };
        const allow = filter === '' ? [] : [400];
        const options = { query, signal, maybeUnwritten: true, allow };
        if (again) {
          const list = await stubs.get(namespace, options);
          return list.status === 200 ? list : undefined;
        }
        const asked = { ...options, query: { namespace, ...query }, read: readAllocations };
        const { status, index, body } = await client.get(path, asked);
        if (status !== 200) return undefined;
        return { index, body: body as readonly WireAllocation[] };
      }),
    allocation: async (namespace, id, signal) => {
      // By the list: it lacks the job, which may be long.
      const query = { namespace, prefix: id, resources: false, task_states: false };
      const options = { query, signal, maybeUnwritten: true, ofOne: true, read: readAllocations };
      return (await client.get(path, options)).body as readonly WireAllocation[];
    },
    deregistrations: async (namespace, signal) => {
      const path = '/v1/evaluations';
      const own = 'TriggeredBy == "job-deregister"';
      const found = await lists.ask('JobID', own, async (filter) => {
        const query = { namespace, filter };
        const options = { query, signal, maybeUnwritten: true, allow: ownStatuses };
        const { status, body } = await client.get(path, options);
        return status === 200 ? parseEvaluations(body, path) : undefined;
      });
      return found ?? [];
    },
    jobs: async (namespace, signal) => {
      const list = await lists.ask('ID', '', async (filter) => {
        const query = filter === '' ? {} : { filter };
        const allow = filter === '' ? [] : [400];
        const read = await jobs.get(namespace, { query, signal, maybeUnwritten: true, allow });
        return read.status === 200 ? read : undefined;
      });
      if (list === undefined) throw new MalformedAnswer('Nomad answered /v1/jobs with 400');
      return list;
    },
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

/** One unreadable service must not block the others. */
async function readInstances(
  client: NomadClient,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<InstancesRead> {
  const path = `/v1/service/${encodeURIComponent(name)}`;
  try {
    const options = { query: { namespace }, signal, allow: ownStatuses, ofOne: true };
    const { status, index, body } = await client.get(path, options);
    if (status === 200) {
      return { status: 'known', index, body: parseInstances(body, path).map(trimInstance) };
    }
    const reason = `Nomad answered ${path} with ${status}`;
    return { status: 'unreadable', reason, ...(status === 500 ? { failed: true } : {}) };
  } catch (error) {
    if (!(error instanceof MalformedAnswer)) throw error;
    const limit = error.limit === 'object_bytes' ? { limit: error.limit } : {};
    return { status: 'unreadable', reason: error.message, ...limit };
  }
}

/** Statuses that concern only this job or allocation. Others mean Nomad itself failed. */
const ownStatuses = [301, 302, 307, 308, 400, 403, 404, 405, 414, 431, 500];

/** One unreadable job must not block the others, but a failure of Nomad must. */
async function readSpec(
  client: NomadClient,
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
  parse: (body: unknown) => WireJob,
): Promise<SpecRead> {
  try {
    const response = await client.get(path, { query, signal, allow: ownStatuses, ofOne: true });
    return readSpecAnswer(response, path, parse);
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== 'nomad-untrusted') throw error;
    const limit = error instanceof MalformedAnswer && error.limit === 'object_bytes';
    return {
      status: 'unreadable',
      reason: error.message,
      ...(limit ? { limit: 'object_bytes' } : {}),
    };
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
