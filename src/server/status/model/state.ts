import type { HostState, InstanceStatus } from './types.js';

/** What decides whether a service's hosts answer. */
export interface Condition {
  /** The service's own instances. */
  readonly instances: readonly InstanceStatus[];
  /** Servers of the operator's in the same backend that are UP. */
  readonly othersUp: number;
  /** Instances the jobs ask for. */
  readonly wanted: number;
  /** HAProxy has the backend. */
  readonly exists: boolean;
  /** Steps that change the backend are left to do. */
  readonly isPending: boolean;
  /** The service can't be used as its job describes it. */
  readonly skipped?: string;
}

export interface Judgement {
  readonly state: HostState;
  readonly up: number;
  readonly reason?: string;
}

/** The first row that applies decides; `HostState` says what the words mean. */
export function judge(condition: Condition): Judgement {
  const { instances, othersUp, wanted, exists, isPending, skipped } = condition;
  const up = instances.filter(({ haproxy }) => haproxy === 'UP').length;
  if (skipped !== undefined) return { state: 'skipped', up, reason: skipped };
  if (!exists) return { state: 'down', up, reason: 'HAProxy does not have the backend yet' };
  if (up + othersUp === 0) return withoutServers(condition);
  const lost = instances.filter(({ phase }) => phase === 'down' || phase === 'unassigned').length;
  if (up < wanted || lost > 0) {
    const reason = `${up} of ${Math.max(wanted, up + lost)} instances are UP`;
    return { state: 'degraded', up, reason: withPhases(reason, instances) };
  }
  if (isPending) return { state: 'degraded', up, reason: 'changes are pending' };
  return { state: 'answers', up };
}

function withoutServers({ instances, wanted }: Condition): Judgement {
  if (instances.length > 0) {
    return { state: 'down', up: 0, reason: withPhases('no server is UP', instances) };
  }
  return wanted === 0
    ? { state: 'empty', up: 0, reason: 'scaled to zero: 503 until there is an instance' }
    : { state: 'down', up: 0, reason: `none of ${wanted} instances is registered in Nomad` };
}

/** `no server is UP: 2 down, 1 gated`. */
function withPhases(text: string, instances: readonly InstanceStatus[]): string {
  const counts = new Map<string, number>();
  for (const { phase } of instances) {
    if (phase !== 'serving') counts.set(phase, (counts.get(phase) ?? 0) + 1);
  }
  const parts = [...counts].map(([phase, count]) => `${count} ${phase}`);
  return parts.length === 0 ? text : `${text}: ${parts.join(', ')}`;
}
