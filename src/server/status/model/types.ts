import type { SkipCode } from '../../../desired/types.js';
import type { ReloadReason } from '../../../diff/types.js';
import type { Leadership } from '../../../leader/office.js';
import type { Times } from '../../../pass/stopwatch.js';

/** What the status page and `/status.json` show. Deeply readonly plain data; times are Unix ms. */
export interface StatusModel {
  readonly version: string;
  readonly startedAt: number;
  readonly ready: ReadyState;
  /** Who writes. Absent without a lock: then this process does. */
  readonly leader?: Leadership;
  /** Of several targets: names of those that don't serve what the newest catalog asks for. */
  readonly differs?: readonly string[];
  readonly targets: readonly TargetStatus[];
}

export interface ReadyState {
  readonly ok: boolean;
  /** One line for people if not ok. */
  readonly reason?: string;
}

/** One HAProxy. Without a finished pass there is only the name and what failed. */
export interface TargetStatus {
  readonly name: string;
  /** Absent until the first pass has finished. */
  readonly seen?: SeenHaproxy;
  /** Why the last pass failed. Absent if it didn't. */
  readonly failure?: FailedPass;
  /** Sorted by state, then service. */
  readonly hosts: readonly HostStatus[];
  /** Sorted by state, then name. */
  readonly services: readonly ServiceStatus[];
  readonly notices: readonly Notice[];
  readonly pending: PendingPlan;
  /** Passes that changed something or failed, newest first. */
  readonly passes: readonly PassStatus[];
  readonly counts: StatusCounts;
}

export interface SeenHaproxy {
  readonly url: string;
  readonly version: string;
  readonly configVersion: number;
  readonly nomadIndex: number;
  /** End of the last pass that succeeded: when all of this was true. */
  readonly at: number;
  readonly durationMs: number;
}

export interface FailedPass {
  readonly at: number;
  readonly code: string;
  readonly reason: string;
}

/**
 * What to look at first comes first.
 *
 * | state    | a request gets                                                            |
 * | -------- | ------------------------------------------------------------------------- |
 * | answers  | an answer: as many servers are UP as there should be                      |
 * | degraded | an answer, but instances are missing or changes are pending               |
 * | down     | 503, or no route at all                                                   |
 * | empty    | 503, as the job asks for no instance                                      |
 * | skipped  | what HAProxy already had of the service: its tags or input can't be used  |
 */
export const hostStates = ['down', 'skipped', 'degraded', 'empty', 'answers'] as const;

export type HostState = (typeof hostStates)[number];

export interface HostStatus {
  /** As people write it: `*.example.com`, `x.io/api`, `any host`; a regular expression as it is. */
  readonly host: string;
  readonly match: 'exact' | 'prefix' | 'wildcard' | 'regex' | 'any' | 'unknown';
  readonly mode: 'http' | 'tcp';
  readonly frontends: readonly string[];
  readonly state: HostState;
  /** Why it isn't `answers`. */
  readonly reason?: string;
  readonly service: string;
  readonly backend?: string;
  readonly up: number;
  readonly wanted: number;
}

export interface ServiceStatus {
  /** `namespace/service`, or `file:name` for a route file. */
  readonly service: string;
  readonly state: HostState;
  readonly reason?: string;
  readonly backend?: string;
  /** `custom`: the operator's backend. */
  readonly kind?: 'dynamic' | 'custom';
  /** For people: `check GET /health every 10s`. */
  readonly check?: string;
  readonly jobs: readonly string[];
  /** As `HostStatus.host`. */
  readonly hosts: readonly string[];
  /** Servers that are UP and take new requests. */
  readonly up: number;
  /** Instances the jobs ask for. */
  readonly wanted: number;
  readonly instances: readonly InstanceStatus[];
  readonly skipped?: { readonly code: SkipCode; readonly reason: string };
  readonly warnings: readonly string[];
}

/**
 * | phase      | the instance                                                        |
 * | ---------- | ------------------------------------------------------------------- |
 * | serving    | is UP in HAProxy                                                    |
 * | down       | has a server whose check doesn't pass, or not yet                   |
 * | gated      | isn't running yet: its server takes no requests                     |
 * | draining   | stops: no new requests, those in flight finish                      |
 * | held       | is gone from Nomad; the guard holds its removal                     |
 * | leaving    | has a server although Nomad doesn't list it                         |
 * | unassigned | has no server yet                                                   |
 */
export const instancePhases = [
  'serving',
  'down',
  'gated',
  'draining',
  'held',
  'leaving',
  'unassigned',
] as const;

export type InstancePhase = (typeof instancePhases)[number];

export interface InstanceStatus {
  readonly id: string;
  readonly phase: InstancePhase;
  /** `10.0.0.1:80`; empty if its host name can't be resolved. */
  readonly address: string;
  readonly allocation?: string;
  readonly job?: string;
  readonly version?: number;
  readonly canary?: true;
  readonly node?: string;
  /** HAProxy's server. */
  readonly server?: string;
  /** As HAProxy's process says: `UP`, `DOWN`, `DRAIN`, `MAINT`; absent if it has no such server. */
  readonly haproxy?: 'UP' | 'DOWN' | 'DRAIN' | 'MAINT';
  readonly weight?: number;
}

export interface Notice {
  readonly level: 'error' | 'warning';
  /** Of the operator's configuration (`degraded`), a problem, a guard, or of the catalog. */
  readonly kind: 'failure' | 'problem' | 'held' | 'degraded' | 'skipped' | 'warning';
  readonly code: string;
  /** The service or Nomad object it is about. */
  readonly subject?: string;
  readonly message: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** What the next pass would do. */
export interface PendingPlan {
  readonly steps: number;
  /** `+ server 10.0.0.1:80 in backend nomad_web`; the first of them. */
  readonly changes: readonly string[];
  readonly reloads: readonly ReloadReason[];
  /** The steps wait this long for the next reload, to gather changes. */
  readonly afterMs?: number;
  /** The steps wait for other HAProxies, whose names these are; none: for their turn. */
  readonly waitsFor?: readonly string[];
  /** Servers whose check has not passed. */
  readonly waiting: number;
  /** What `sync.policy` keeps and `sync` would change; absent under `sync`. */
  readonly kept?: KeptChanges;
}

export interface KeptChanges {
  readonly steps: number;
  /** The first of them. */
  readonly changes: readonly string[];
}

export interface PassStatus {
  /** End of the pass. */
  readonly at: number;
  readonly durationMs: number;
  readonly phases: Times['phases'];
  readonly result: 'changed' | 'failed';
  readonly steps: number;
  /** The first of them. */
  readonly changes: readonly string[];
  readonly reloads: readonly ReloadReason[];
  readonly error?: { readonly code: string; readonly reason: string };
}

export interface StatusCounts {
  readonly hosts: Readonly<Record<HostState, number>>;
  readonly services: Readonly<Record<HostState, number>>;
  readonly instances: Readonly<Record<InstancePhase, number>>;
}
