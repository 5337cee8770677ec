import type { WireAllocation, WireInstance } from '../../nomad/answers/shapes.js';

/** One read of Nomad. */
export interface DiscoverRead {
  /** Of the table of services. */
  readonly index: number;
  /** Registered under the service's name in the namespace. */
  readonly instances: readonly WireInstance[];
  /** Other namespaces in which that name is registered, as far as the token shows them. */
  readonly elsewhere: readonly string[];
  /** Of the job. */
  readonly allocations: readonly WireAllocation[];
}

/** A HAProxy that was discovered. */
export interface Member {
  /** Unique among all. */
  readonly name: string;
  /** Base URL of the Data Plane API; unique among all. */
  readonly address: string;
  /** ID. Another one is another HAProxy, whatever its name. */
  readonly allocation: string;
  /** Of the allocation. */
  readonly createIndex: number;
  /** Nomad no longer lists it, and nothing tells why: since when, in Unix milliseconds. */
  readonly missingSince?: number;
}

/** What was discovered so far. */
export interface Members {
  /** By name. */
  readonly members: readonly Member[];
  /** Of the last read; 0: none yet. */
  readonly index: number;
}

/**
 * | reason | the instance |
 * |---|---|
 * | other-job | is another job's, which would get the password |
 * | other-namespace | is another namespace's |
 * | same-name | is older than another one of the same name |
 * | same-address | is older than another one at the same address |
 * | no-address | has no address and port that can be asked |
 */
export const refusalReasons = [
  'other-job',
  'other-namespace',
  'same-name',
  'same-address',
  'no-address',
] as const;

export type RefusalReason = (typeof refusalReasons)[number];

/** An instance that is not used: it never gets a request. */
export interface Refused {
  readonly reason: RefusalReason;
  /** The job, allocation and address, as far as they are known. */
  readonly instance: string;
  readonly detail: string;
}

export interface Judged extends Members {
  readonly refused: readonly Refused[];
  /** Tags whose name can't be used. */
  readonly badNames: readonly string[];
  /** An allocation isn't running yet, or an absence isn't believed yet: look again soon. */
  readonly isOpen: boolean;
}
