/** The parts of Nomad's JSON documents we use, validated on input. Nomad writes null for empty. */

import type { ValidateFunction } from 'ajv';

import { MalformedAnswer } from '../errors.js';
import * as checks from './shapes.ajv.js';

export interface WireServiceGroup {
  readonly Namespace: string;
  readonly Services: readonly { readonly ServiceName: string; readonly Tags: Maybe<string[]> }[];
}

export interface WireInstance {
  readonly ID: string;
  readonly ServiceName: string;
  readonly Namespace: string;
  readonly JobID: string;
  readonly AllocID: string;
  readonly Tags: Maybe<readonly string[]>;
  readonly Address: string;
  readonly Port: number;
  readonly CreateIndex: number;
}

export type Maybe<T> = T | null | undefined;

export interface WirePort {
  readonly Label: string;
  readonly Value?: Maybe<number>;
  readonly To?: Maybe<number>;
  readonly HostIP?: Maybe<string>;
  readonly HostNetwork?: Maybe<string>;
}

export interface WireNetwork {
  readonly IP?: Maybe<string>;
  readonly DynamicPorts?: Maybe<readonly WirePort[]>;
  readonly ReservedPorts?: Maybe<readonly WirePort[]>;
}

export interface WireResources {
  readonly Shared?: Maybe<{
    readonly Networks?: Maybe<readonly WireNetwork[]>;
    readonly Ports?: Maybe<readonly WirePort[]>;
  }>;
  readonly Tasks?: Maybe<
    Readonly<Record<string, Maybe<{ readonly Networks?: Maybe<readonly WireNetwork[]> }>>>
  >;
}

export interface WireAllocation {
  readonly ID: string;
  readonly Name: string;
  readonly Namespace: string;
  readonly NodeID?: Maybe<string>;
  readonly NodeName?: Maybe<string>;
  readonly JobID: string;
  readonly JobVersion: number;
  readonly TaskGroup: string;
  readonly ClientStatus: string;
  readonly DesiredStatus: string;
  readonly DeploymentStatus?: Maybe<{ readonly Canary?: Maybe<boolean> }>;
  readonly AllocatedResources?: Maybe<WireResources>;
  readonly TaskStates?: Maybe<Readonly<Record<string, Maybe<{ readonly State?: Maybe<string> }>>>>;
  readonly CreateIndex: number;
  /** All of its other fields are the same as long as this is. */
  readonly ModifyIndex?: Maybe<number>;
}

export interface WireEvaluation {
  readonly Namespace: string;
  readonly JobID: string;
  readonly CreateIndex: number;
}

export interface WireJobStub {
  readonly ID: string;
  readonly Namespace: string;
  readonly Type: string;
  readonly Status: string;
  readonly Stop: boolean;
  readonly Periodic: boolean;
  readonly ParameterizedJob: boolean;
  readonly CreateIndex: number;
  readonly JobModifyIndex: number;
  readonly JobSummary?: Maybe<{
    readonly Summary?: Maybe<Readonly<Record<string, { readonly Running?: Maybe<number> }>>>;
  }>;
}

export interface WireCheck {
  readonly Name?: Maybe<string>;
  readonly Type: string;
  readonly Path?: Maybe<string>;
  readonly Method?: Maybe<string>;
  readonly Header?: Maybe<Readonly<Record<string, Maybe<readonly string[]>>>>;
  readonly Interval?: Maybe<number>;
  readonly Timeout?: Maybe<number>;
  readonly PortLabel?: Maybe<string>;
  readonly AddressMode?: Maybe<string>;
  readonly Body?: Maybe<string>;
  readonly Protocol?: Maybe<string>;
  readonly TLSSkipVerify?: Maybe<boolean>;
  readonly GRPCService?: Maybe<string>;
}

export interface WireService {
  readonly Name: string;
  readonly Provider?: Maybe<string>;
  readonly PortLabel?: Maybe<string>;
  readonly Address?: Maybe<string>;
  readonly AddressMode?: Maybe<string>;
  readonly Tags?: Maybe<readonly string[]>;
  readonly Checks?: Maybe<readonly WireCheck[]>;
}

export type WireMeta = Maybe<Readonly<Record<string, string>>>;

export interface WireTask {
  readonly Name: string;
  readonly Meta?: WireMeta;
  readonly Env?: WireMeta;
  readonly Services?: Maybe<readonly WireService[]>;
  readonly ShutdownDelay?: Maybe<number>;
}

export interface WireGroup {
  readonly Name: string;
  readonly Count?: Maybe<number>;
  readonly Scaling?: Maybe<{ readonly Max?: Maybe<number> }>;
  readonly Meta?: WireMeta;
  readonly Networks?: Maybe<readonly WireNetwork[]>;
  readonly Services?: Maybe<readonly WireService[]>;
  readonly Tasks?: Maybe<readonly WireTask[]>;
  readonly ShutdownDelay?: Maybe<number>;
}

export interface WireJob {
  readonly ID: string;
  readonly Name: string;
  readonly Namespace: string;
  readonly Region?: Maybe<string>;
  readonly Version: number;
  readonly CreateIndex: number;
  readonly JobModifyIndex: number;
  readonly Meta?: WireMeta;
  readonly TaskGroups?: Maybe<readonly WireGroup[]>;
}

/** Parses one kind of document. Throws `nomad-untrusted` if it doesn't match. */
export type Parse<T> = (body: unknown, path: string) => T;

function parser<T>(valid: ValidateFunction): Parse<T> {
  return (body, path) => {
    if (valid(body)) return body as T;
    const [first] = valid.errors ?? [];
    const where = `${first?.instancePath ?? ''} ${first?.message ?? ''}`.trim();
    throw new MalformedAnswer(`Nomad's answer to ${path} has an unexpected shape: ${where}`);
  };
}

export const parseServiceGroups = parser<readonly WireServiceGroup[]>(checks.serviceGroups);
export const parseInstances = parser<readonly WireInstance[]>(checks.instances);
export const parseAllocations = parser<readonly WireAllocation[]>(checks.allocations);
export const parseEvaluations = parser<readonly WireEvaluation[]>(checks.evaluations);
export const parseJobStubs = parser<readonly WireJobStub[]>(checks.jobStubs);
export const parseJob = parser<WireJob>(checks.oneJob);
export const parseJobVersions = parser<{ readonly Versions: readonly [WireJob, ...WireJob[]] }>(
  checks.jobVersions,
);
export const parseAllocationJob = parser<{ readonly Job: WireJob }>(checks.allocationJob);
