import { isOver } from '../observe/catalog/model/allocation.js';
import type { AllocationFacts, CatalogInstance, InstanceSpec } from '../observe/types.js';
import { formatAddress, isIpAddress } from '../haproxy/addresses.js';
import type { RouteTarget } from './types.js';

/** An instance that opted in, or a route file's target. */
export interface Member {
  readonly id: string;
  readonly jobId: string;
  /** Empty if unknown. */
  readonly group: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly canary: boolean;
  /** Orders members of one group by age. -1: unknown allocation. */
  readonly jobVersion: number;
  readonly createIndex: number;
  readonly phase: 'serve' | 'gate' | 'drain';
  readonly terminal: boolean;
  readonly spec: InstanceSpec;
  readonly weight?: number;
  /** Its address isn't known at the moment: a host name can't be resolved, or its job can't be read. */
  readonly unresolved?: true;
  /** Its address isn't its allocation's, or that isn't known. */
  readonly foreign?: 'job' | 'unknown';
}

/** `named`: its names as they are compared, and those of its tags that are read. */
export function memberOfInstance(
  { id, address, port, createIndex, allocation, spec, unresolved, foreign }: CatalogInstance,
  { jobId, group = '', tags }: Named,
): Member {
  const { phase, terminal } = phaseOf(allocation);
  // One literal: V8 makes a slow dictionary of a large object that is spread together.
  const member = {
    id,
    jobId,
    group,
    address,
    port,
    tags,
    createIndex,
    spec,
    phase,
    terminal,
    canary: allocation?.canary ?? false,
    jobVersion: allocation?.jobVersion ?? -1,
  };
  if (unresolved !== true && foreign === undefined) return member;
  return {
    ...member,
    ...(unresolved === true ? { unresolved } : {}),
    ...(foreign === undefined ? {} : { foreign }),
  };
}

interface Named {
  readonly jobId: string;
  readonly group: string | undefined;
  readonly tags: readonly string[];
}

/**
 * | desired | client | means |
 * |---|---|---|
 * | run | running | serves |
 * | run | pending | registered before its task listens, or crashed: gets no traffic |
 * | run | unknown | its node is disconnected: the check decides |
 * | any | complete, failed, lost | its process is gone |
 * | stop, evict | any other | it is stopping: in-flight requests finish |
 * | - | - | ghost: Nomad has no such allocation |
 */
export function phaseOf(
  allocation: AllocationFacts | undefined,
): Pick<Member, 'phase' | 'terminal'> {
  if (allocation === undefined) return { phase: 'drain', terminal: false };
  const { clientStatus, desiredStatus } = allocation;
  if (isOver(allocation)) return { phase: 'drain', terminal: true };
  if (desiredStatus !== 'run') return { phase: 'drain', terminal: false };
  return { phase: clientStatus === 'pending' ? 'gate' : 'serve', terminal: false };
}

export function memberOfTarget(target: RouteTarget, tags: readonly string[]): Member {
  const { address, port, weight } = target;
  return {
    id: formatAddress(address, port),
    ...{ jobId: '', group: '', address, port, tags, canary: false, jobVersion: 0, createIndex: 0 },
    phase: 'serve',
    terminal: false,
    spec: { status: 'known', checks: [], shutdownDelayMs: 0 },
    ...(weight === undefined ? {} : { weight }),
  };
}

/** Why it can't be used as a server, if so. */
export function unusable({ address, port, unresolved }: Member): string | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return 'it has no port';
  if (unresolved === true) return undefined;
  if (address === '') return 'it has no address';
  if (!isIpAddress(address)) return 'its address is not an IP address';
  return undefined;
}
