/**
 * What a read of Nomad says. Deeply readonly plain data. What did not change is the same object as in
 * the last one.
 */
export interface Catalog {
  /** `X-Nomad-Index` of `GET /v1/services`: table-wide, so it covers every instance. */
  readonly index: number;
  /** Services that opted in by a tag, sorted by namespace and name. */
  readonly services: readonly CatalogService[];
  /**
   * By id: every allocation that has not ended, and ended ones that may still be served, as proof
   * that they ended.
   */
  readonly allocations: Readonly<Record<string, AllocationFacts>>;
  /** Services that opted in and whose instances can't be read. What is there of them stays. */
  readonly unreadable?: readonly UnreadableService[];
  /**
   * Ids of instances that should be registered according to their allocations (allocation and task
   * run, the job version has the service) but are missing from the catalog.
   */
  readonly missing: readonly string[];
  readonly trust: Trust;
  readonly warnings: readonly CatalogWarning[];
}

/**
 * Whether absence can be trusted. Additions are always safe, and a failed read ends the pass with
 * an error instead.
 */
export type Trust =
  | { readonly removals: 'allowed' }
  | {
      readonly removals: 'held';
      readonly reason: string;
      /** Nomad changed during the read, so this isn't one consistent state. */
      readonly torn?: true;
    };

export const catalogWarningCodes = [
  'spec-unreadable',
  'service-unreadable',
  'ghost-instance',
  'address-unresolved',
  'no-shutdown-delay',
] as const;

export type CatalogWarningCode = (typeof catalogWarningCodes)[number];

export interface CatalogWarning {
  readonly code: CatalogWarningCode;
  readonly subject: string;
  readonly message: string;
}

/** Without instances; what its jobs declare says which domains it claims. */
export interface UnreadableService extends CatalogService {
  readonly reason: string;
  /** The limit that its answer exceeds. */
  readonly limit?: 'object_bytes';
}

export interface CatalogService {
  readonly namespace: string;
  readonly name: string;
  /** Registered instances, sorted by id. */
  readonly instances: readonly CatalogInstance[];
  /** Service blocks of existing, unstopped jobs, sorted by job id. */
  readonly declarations: readonly ServiceDeclaration[];
  /** Lowest CreateIndex of the jobs that offer the service; Number.MAX_SAFE_INTEGER if unknown. */
  readonly claimedAt: number;
}

/** A service block in the latest spec of a live job, with static variables resolved. */
export interface ServiceDeclaration {
  readonly jobId: string;
  readonly jobCreateIndex: number;
  readonly group: string;
  /** The group's count: 0 when scaled to zero. */
  readonly count: number;
  /** `scaling { max }` of the group. */
  readonly max?: number;
  readonly tags: readonly string[];
  readonly checks: readonly CheckSpec[];
}

export interface CatalogInstance {
  /** The registration's ID, `_nomad-task-<allocation>-...`. */
  readonly id: string;
  readonly jobId: string;
  /** The task group; absent for a ghost. */
  readonly group?: string;
  readonly allocId: string;
  /** An IP address; `''` if there is none. Host names are resolved during the read. */
  readonly address: string;
  /** Registered with a host name that can't be resolved; the address is then `''`. */
  readonly unresolved?: true;
  /**
   * The address isn't one of its allocation's: `job`, the job says so itself; `unknown`, its spec
   * can't be read. Absent: the allocation's, or its node's.
   */
  readonly foreign?: 'job' | 'unknown';
  /** 0 if the registration has none. */
  readonly port: number;
  readonly tags: readonly string[];
  readonly createIndex: number;
  /** Absent for a ghost: registered, but Nomad has no such allocation. */
  readonly allocation?: AllocationFacts;
  readonly spec: InstanceSpec;
}

/** The service block of the job version that an instance runs. */
export type InstanceSpec =
  | {
      readonly status: 'known';
      readonly checks: readonly CheckSpec[];
      /** Milliseconds between deregistration and the kill signal; 0 if unset. */
      readonly shutdownDelayMs: number;
    }
  | { readonly status: 'unreadable'; readonly reason: string };

/** An instance that HAProxy serves, as its server's metadata tells. */
export interface ServedInstance {
  readonly id: string;
  /** `namespace/name`. */
  readonly service: string;
  readonly namespace: string;
  /** The job's ID. */
  readonly job: string;
  /** The registration's. */
  readonly createIndex: number;
}

/** From `GET /v1/allocations`. */
export interface AllocationFacts {
  readonly namespace: string;
  readonly jobId: string;
  readonly jobVersion: number;
  readonly clientStatus: string;
  readonly desiredStatus: string;
  /** `DeploymentStatus.Canary`. */
  readonly canary: boolean;
  readonly createIndex: number;
  /** The name of its node; for people. */
  readonly node?: string;
  /** The task group; for people. */
  readonly group?: string;
}

/** What a read has just seen of an allocation, before it knows the rest. */
export interface AllocationSight extends Pick<AllocationFacts, 'clientStatus' | 'desiredStatus'> {
  readonly id: string;
}

/** A check block with its port label resolved against the allocation. Times in milliseconds. */
export interface CheckSpec {
  readonly name: string;
  /** As in the job: http, tcp, grpc, script or anything else. */
  readonly type: string;
  readonly path?: string;
  readonly method?: string;
  readonly body?: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Port to check if it differs from the service's. */
  readonly port?: number;
  /** Why the check can't be done at the address the service registers. */
  readonly elsewhere?: string;
  readonly protocol?: 'http' | 'https';
  readonly tlsSkipVerify: boolean;
  readonly grpcService?: string;
}
