import { shortId } from '../shared/short-id.js';
import { namespaceOf } from '../haproxy/ownership.js';
import type { AllocationFacts } from '../observe/types.js';
import { countOf, checkFailure, isOrAre, shortName } from './words.js';
import type {
  BackendExplained,
  InstanceExplained,
  Reason,
  Seen,
  ServerExplained,
  ServiceExplained,
} from './types.js';

export interface Health {
  readonly answers: boolean;
  readonly reason: Reason;
  /** After `x.io answers `: `from 2 of 3 instances of web`, `503: both servers of ... are DOWN`. */
  readonly text: string;
}

interface Cause {
  readonly reason: Reason;
  /** After `both servers of nomad_web are `. */
  readonly state: string;
}

/** Whether a backend answers, and why not. */
export function healthOf(
  backend: BackendExplained,
  service: ServiceExplained | undefined,
  seen: Seen,
): Health {
  const own = backend.servers.filter(
    (one) => service === undefined || one.service === service.service || one.owner === 'operator',
  );
  const serving = own.filter(({ state, disk }) => state === 'up' && disk.weight > 0);
  const name = shortName(service?.service ?? backend.name);
  if (serving.length > 0) return serves(serving, own, service, name);
  if (own.length === 0 || isScaledToNone(service, own)) {
    return { answers: false, ...withoutServers(service, name, own.length, seen) };
  }
  return { answers: false, ...unavailable(backend.name, own, service) };
}

function serves(
  serving: readonly ServerExplained[],
  own: readonly ServerExplained[],
  service: ServiceExplained | undefined,
  name: string,
): Health {
  const wanted = (service?.instances ?? []).filter(
    ({ phase }) => phase === 'serve' || phase === 'gate',
  );
  const operators = serving.every(({ owner }) => owner === 'operator');
  const what = operators ? 'server' : 'instance';
  const all = Math.max(serving.length, operators ? own.length : wanted.length);
  const counted = `from ${serving.length} of ${all} ${what}${all === 1 ? '' : 's'} of ${name}`;
  const down = own.filter(({ state }) => state === 'down');
  const summary = service?.check?.summary;
  const why =
    down.length === 0 || summary === undefined
      ? ''
      : ` (${down.length} DOWN: ${checkFailure(summary, down)})`;
  return { answers: true, reason: 'serves', text: `${counted}${why}` };
}

/** Servers that are left only drain. */
function isScaledToNone(
  service: ServiceExplained | undefined,
  own: readonly ServerExplained[],
): boolean {
  if (service === undefined || own.some(({ state }) => state !== 'drain')) return false;
  return service.instances.length === 0;
}

function withoutServers(
  service: ServiceExplained | undefined,
  name: string,
  draining: number,
  seen: Seen,
): Omit<Health, 'answers'> {
  if (service === undefined) return { reason: 'no-instances', text: `503: ${name} has no servers` };
  const of = (phase: InstanceExplained['phase']): readonly InstanceExplained[] =>
    service.instances.filter((one) => one.phase === phase);
  const [pending, serving, unused] = [of('gate'), of('serve'), of('unused')];
  if (pending.length > 0) {
    return { reason: 'instances-pending', text: `503: ${pendingText(pending)}` };
  }
  if (serving.length > 0) {
    const text = `503: HAProxy has no server yet of the ${serving.length} instances of ${name}`;
    return { reason: 'not-applied', text };
  }
  if (unused.length > 0) {
    const why = service.warnings.length === 0 ? '' : `: ${service.warnings.join('; ')}`;
    return { reason: 'no-instances', text: `503: no instance of ${name} can be used${why}` };
  }
  const rest = draining === 0 ? '' : `, and ${draining} of its servers still drain`;
  const { reason, why } = whyNone(service, seen);
  return { reason, text: `503: ${name} has no instances${why}${rest}` };
}

interface WhyNone {
  readonly reason: Reason;
  readonly why: string;
}

/** What its job and the allocations of that say. */
function whyNone(service: ServiceExplained, seen: Seen): WhyNone {
  const { jobs } = service;
  const [job] = jobs;
  const none = (why: string): WhyNone => ({ reason: 'no-instances', why });
  if (job === undefined) return none(seen.jobs === undefined ? '' : ': no job declares it');
  if (job.stopped === true) return none(`: job ${job.job} is stopped`);
  const count = jobs.reduce((sum, one) => sum + (one.count ?? 0), 0);
  if (count === 0) return none(`: job ${job.job} asks for none (count 0)`);
  const allocations = allocationsOf(service, seen);
  const lost = allocations.filter(({ clientStatus }) => clientStatus === 'lost');
  const asks = `: job ${job.job} asks for ${count} and none is registered`;
  if (lost.length > 0) {
    const nodes = [...new Set(lost.flatMap(({ node }) => node ?? []))].sort();
    const where = nodes.length === 0 ? 'a node that is down' : nodes.join(', ');
    return { reason: 'node-lost', why: `${asks}; ${lost.length} lost with ${where}` };
  }
  const pending = allocations.filter(({ clientStatus }) => clientStatus === 'pending');
  if (pending.length === 0) return none(asks);
  return {
    reason: 'instances-pending',
    why: `${asks}; ${pending.length} of its allocations ${isOrAre(pending.length)} pending`,
  };
}

function allocationsOf(
  { service, jobs }: ServiceExplained,
  { picture }: Seen,
): readonly AllocationFacts[] {
  const namespace = namespaceOf(service);
  const ids = new Set(jobs.map(({ job }) => job));
  return Object.values(picture.catalog.allocations).filter(
    (one) => one.namespace === namespace && ids.has(one.jobId),
  );
}

function pendingText(pending: readonly InstanceExplained[]): string {
  const [first] = pending;
  const id = first === undefined ? '' : shortId(first.allocation);
  if (pending.length === 1) return `allocation ${id} is pending: its tasks don't run yet`;
  return `${pending.length} allocations are pending: their tasks don't run yet`;
}

/** Of servers that are there, all for the same cause if possible. */
function unavailable(
  backend: string,
  servers: readonly ServerExplained[],
  service: ServiceExplained | undefined,
): Omit<Health, 'answers'> {
  const groups = new Map<string, { cause: Cause; servers: ServerExplained[] }>();
  for (const server of servers) {
    const instance = service?.instances.find(({ id }) => id === server.instance);
    const cause = causeOf(server, instance);
    const group = groups.get(cause.state) ?? { cause, servers: [] };
    group.servers.push(server);
    groups.set(cause.state, group);
  }
  const [first, ...others] = [...groups.values()].sort(
    (a, b) => b.servers.length - a.servers.length,
  );
  if (first === undefined) return { reason: 'no-instances', text: '503' };
  const part = (group: typeof first): string => {
    const { length } = group.servers;
    return `${countOf(length, servers.length, 'server')} of ${backend} ${isOrAre(length)} ${stateText(group, service)}`;
  };
  return {
    reason: first.cause.reason,
    text: `503: ${[first, ...others].map(part).join(', ')}`,
  };
}

function stateText(
  { cause, servers }: { readonly cause: Cause; readonly servers: readonly ServerExplained[] },
  service: ServiceExplained | undefined,
): string {
  const summary = service?.check?.summary ?? 'check';
  if (!cause.state.startsWith('DOWN')) return cause.state;
  return `${cause.state}: ${checkFailure(summary === 'no check' ? 'check' : summary, servers)}`;
}

function causeOf(
  { state, disk, check, drainingSince }: ServerExplained,
  instance: InstanceExplained | undefined,
): Cause {
  if (instance?.clientStatus === 'lost') return { reason: 'node-lost', state: lostState(instance) };
  if (state === 'down' && instance?.clientStatus === 'unknown') {
    const node = instance.node ?? 'its node';
    return {
      reason: 'node-lost',
      state: `DOWN, and Nomad has lost contact with ${node} (unknown)`,
    };
  }
  if (instance?.phase === 'gate') {
    const state = `held back: allocation ${shortId(instance.allocation)} is pending`;
    return { reason: 'instances-pending', state };
  }
  if (state === 'unloaded') return { reason: 'not-applied', state: 'not loaded by HAProxy' };
  if (state === 'maint') {
    const byHand = disk.disabled ? '' : ', set by hand: it is enabled on disk';
    return { reason: 'maintenance', state: `in maintenance${byHand}` };
  }
  if (state === 'drain') {
    if (drainingSince !== undefined || instance?.phase === 'drain') {
      return { reason: 'instances-draining', state: 'draining: Nomad stops their instances' };
    }
    return { reason: 'maintenance', state: 'in drain, set by hand' };
  }
  if (state === 'up') return { reason: 'no-weight', state: 'without weight, so gets no requests' };
  if (check?.result === 'INI') return { reason: 'check-pending', state: 'DOWN' };
  return { reason: 'check-failing', state: 'DOWN' };
}

function lostState({ node }: InstanceExplained): string {
  return `lost with ${node === undefined ? 'its node' : `node ${node}`}`;
}
