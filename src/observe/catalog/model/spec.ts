/** The part of a job spec that the catalog needs, small enough to cache thousands. */

import type {
  WireCheck,
  WireGroup,
  WireJob,
  WireService,
  WireTask,
} from '../../nomad/answers/shapes.js';
import { networkPorts } from './ports.js';
import type { CheckSpec } from '../../types.js';
import { type ResolveBudget, resolveWithin, staticVariables, type Variables } from './variables.js';

export interface JobSpec {
  readonly namespace: string;
  readonly id: string;
  readonly version: number;
  readonly createIndex: number;
  /** `JobModifyIndex`. */
  readonly modifyIndex: number;
  readonly blocks: readonly ServiceBlock[];
}

/**
 * A service block of Nomad's own provider. Static variables are resolved, others left as written.
 */
export interface ServiceBlock {
  readonly group: string;
  readonly count: number;
  /** `scaling { max }` of the group. */
  readonly max?: number;
  /** Of a task-level service. */
  readonly task?: string;
  readonly name: string;
  readonly portLabel: string;
  readonly addressMode: string;
  /** It registers an address set by the job, which Nomad doesn't manage. */
  readonly customAddress: boolean;
  readonly tags: readonly string[];
  readonly checks: readonly CheckBlock[];
  /** Delay between deregistration and the kill signal. */
  readonly shutdownDelayMs: number;
  /** Static ports by label. */
  readonly staticPorts: Readonly<Record<string, number>>;
  /** The host network of each port, by label. */
  readonly hostNetworks: Readonly<Record<string, string>>;
}

/** A check as in the job, with its port label unresolved. */
export interface CheckBlock extends Omit<CheckSpec, 'port' | 'elsewhere'> {
  /** Empty for the service's own port. */
  readonly portLabel: string;
  readonly addressMode: string;
}

/** Far above what a job's names, tags and checks add up to. */
const mostResolved = 1_048_576;

/** Throws `MalformedAnswer` if its variables resolve to more. */
export function toJobSpec(job: WireJob): JobSpec {
  const budget: ResolveBudget = { left: mostResolved };
  return {
    namespace: job.Namespace,
    id: job.ID,
    version: job.Version,
    createIndex: job.CreateIndex,
    modifyIndex: job.JobModifyIndex,
    blocks: (job.TaskGroups ?? []).flatMap((group) => groupBlocks(job, group, budget)),
  };
}

function groupBlocks(job: WireJob, group: WireGroup, budget: ResolveBudget): ServiceBlock[] {
  const tasks = group.Tasks ?? [];
  const own = (group.Services ?? []).map((service) =>
    toBlock({ job, group, budget }, undefined, service),
  );
  const theirs = tasks.flatMap((task) =>
    (task.Services ?? []).map((service) => toBlock({ job, group, budget }, task, service)),
  );
  return [...own, ...theirs].filter((block) => block !== undefined);
}

interface Around {
  readonly job: WireJob;
  readonly group: WireGroup;
  readonly budget: ResolveBudget;
}

function toBlock(
  { job, group, budget }: Around,
  task: WireTask | undefined,
  service: WireService,
): ServiceBlock | undefined {
  if (service.Provider !== 'nomad') return undefined;
  const variables = variablesOf(job, group, task);
  const resolve = (text: string): string => resolveWithin(budget, text, variables);
  return {
    group: group.Name,
    count: group.Count ?? 1,
    ...(typeof group.Scaling?.Max === 'number' ? { max: group.Scaling.Max } : {}),
    ...(task === undefined ? {} : { task: task.Name }),
    name: resolve(service.Name),
    portLabel: resolve(service.PortLabel ?? ''),
    addressMode: service.AddressMode ?? '',
    customAddress: (service.Address ?? '') !== '',
    tags: (service.Tags ?? []).map(resolve),
    checks: (service.Checks ?? []).map((check) => toCheck(check, resolve)),
    shutdownDelayMs: shutdownDelay(group, task),
    staticPorts: staticPorts(group),
    hostNetworks: hostNetworks(group),
  };
}

function variablesOf(job: WireJob, group: WireGroup, task: WireTask | undefined): Variables {
  return staticVariables({
    job,
    region: job.Region ?? 'global',
    group: group.Name,
    ...(task === undefined ? {} : { task: task.Name, env: task.Env }),
    metas: [job.Meta, group.Meta, task?.Meta],
  });
}

/**
 * A group's services leave the catalog before the group's delay, followed by each task's delay. A
 * task's services leave only after the group's delay.
 */
function shutdownDelay(group: WireGroup, task: WireTask | undefined): number {
  if (task !== undefined) return toMs(task.ShutdownDelay);
  const delays = (group.Tasks ?? []).map(({ ShutdownDelay }) => toMs(ShutdownDelay));
  return toMs(group.ShutdownDelay) + (delays.length === 0 ? 0 : Math.min(...delays));
}

function toCheck(check: WireCheck, resolve: (text: string) => string): CheckBlock {
  const headers = Object.entries(check.Header ?? {}).map(([name, values]) => [
    name,
    (values ?? []).map(resolve),
  ]);
  const protocol = check.Protocol?.toLowerCase();
  return {
    name: resolve(check.Name ?? ''),
    type: check.Type,
    ...optional('path', resolve(check.Path ?? '')),
    ...optional('method', resolve(check.Method ?? '')),
    headers: Object.fromEntries(headers) as Record<string, readonly string[]>,
    intervalMs: toMs(check.Interval),
    timeoutMs: toMs(check.Timeout),
    portLabel: resolve(check.PortLabel ?? ''),
    addressMode: check.AddressMode ?? '',
    ...optional('body', resolve(check.Body ?? '')),
    ...(protocol === 'http' || protocol === 'https' ? { protocol } : {}),
    tlsSkipVerify: check.TLSSkipVerify ?? false,
    ...optional('grpcService', resolve(check.GRPCService ?? '')),
  };
}

function staticPorts(group: WireGroup): Record<string, number> {
  const ports = (group.Networks ?? []).flatMap(networkPorts);
  const fixed = ports.filter(({ Value }) => (Value ?? 0) > 0);
  return Object.fromEntries(fixed.map(({ Label, Value }) => [Label, Value ?? 0]));
}

function hostNetworks(group: WireGroup): Record<string, string> {
  const ports = (group.Networks ?? []).flatMap(networkPorts);
  return Object.fromEntries(ports.map(({ Label, HostNetwork }) => [Label, HostNetwork ?? '']));
}

function optional<Key extends string>(key: Key, value: string): Partial<Record<Key, string>> {
  return (value === '' ? {} : { [key]: value }) as Partial<Record<Key, string>>;
}

function toMs(nanoseconds: number | null | undefined): number {
  return Math.round((nanoseconds ?? 0) / 1_000_000);
}
