/** A complete read of Nomad before it becomes a Catalog. Lives only within a pass. */

import { memoOf } from '../../../shared/memo.js';
import type { ServiceName } from './service-names.js';
import type { Unreadable } from '../../nomad/api.js';
import type { Declared } from './declarations.js';
import type { WireAllocation, WireInstance, WireJobStub } from '../../nomad/answers/shapes.js';
import type { JobSpec } from './spec.js';

export interface Snapshot {
  readonly index: number;
  /** All listed services. */
  readonly names: readonly ServiceName[];
  /** Keys of the services that opted in and can be read. */
  readonly enabled: ReadonlySet<string>;
  /** Keys of services that opted in but can't be requested. */
  readonly unreadableNames: readonly string[];
  /** Why the instances of services that opted in can't be read, by service key. */
  readonly unreadableServices: ReadonlyMap<string, Unreadable>;
  /** By service key. */
  readonly instances: ReadonlyMap<string, readonly WireInstance[]>;
  readonly allocations: ReadonlyMap<string, WireAllocation>;
  readonly jobs: ReadonlyMap<string, WireJobStub>;
  readonly declared: readonly Declared[];
  readonly specOf: (alloc: WireAllocation) => JobSpec | undefined;
  /** Reason by job key. */
  readonly unreadable: ReadonlyMap<string, string>;
  /** Keys of jobs whose spec exceeds a limit. */
  readonly oversized: ReadonlySet<string>;
  /** IP by host name. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Claims from earlier reads, by service key. */
  readonly claims: ReadonlyMap<string, number>;
}

export function isRunning(alloc: WireAllocation): boolean {
  return alloc.DesiredStatus === 'run' && alloc.ClientStatus === 'running';
}

/** Found once for a snapshot. */
export function enabledInstances(
  snapshot: Pick<Snapshot, 'enabled' | 'instances'>,
): readonly WireInstance[] {
  return enabledIn(snapshot, () =>
    [...snapshot.instances].flatMap(([key, list]) => (snapshot.enabled.has(key) ? list : [])),
  );
}

const enabledIn = memoOf<readonly WireInstance[]>();
