/** The parts of Nomad's JSON documents we use, validated on input. Nomad writes null for empty. */

import { Ajv, type JSONSchemaType, type SchemaObject } from 'ajv';
import { MalformedAnswer } from '../errors.js';

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

const string = { type: 'string' };
const index = { type: 'integer', minimum: 0 };
const maybe = (type: string): SchemaObject => ({ type: [type, 'null'] });
const maybeList = (items: SchemaObject): SchemaObject => ({ type: ['array', 'null'], items });
const mapOf = (values: SchemaObject): SchemaObject => ({
  type: ['object', 'null'],
  additionalProperties: values,
});
const tags = maybeList(string);

function object(
  required: Record<string, SchemaObject>,
  optional: Record<string, SchemaObject> = {},
) {
  return {
    type: 'object',
    required: Object.keys(required),
    properties: { ...required, ...optional },
  } satisfies SchemaObject;
}

function maybeObject(properties: Record<string, SchemaObject>): SchemaObject {
  return { type: ['object', 'null'], properties };
}

const port = object(
  { Label: string },
  {
    Value: maybe('integer'),
    To: maybe('integer'),
    HostIP: maybe('string'),
    HostNetwork: maybe('string'),
  },
);
const networks = maybeList(
  object(
    {},
    { IP: maybe('string'), DynamicPorts: maybeList(port), ReservedPorts: maybeList(port) },
  ),
);
const check = object(
  { Type: string },
  {
    Name: maybe('string'),
    Path: maybe('string'),
    Method: maybe('string'),
    Header: mapOf(maybeList(string)),
    Interval: maybe('integer'),
    Timeout: maybe('integer'),
    PortLabel: maybe('string'),
    AddressMode: maybe('string'),
    Body: maybe('string'),
    Protocol: maybe('string'),
    TLSSkipVerify: maybe('boolean'),
    GRPCService: maybe('string'),
  },
);
const services = maybeList(
  object(
    { Name: string },
    {
      Provider: maybe('string'),
      PortLabel: maybe('string'),
      Address: maybe('string'),
      AddressMode: maybe('string'),
      Tags: tags,
      Checks: maybeList(check),
    },
  ),
);
const task = object(
  { Name: string },
  {
    Meta: mapOf(string),
    Env: mapOf(string),
    Services: services,
    ShutdownDelay: maybe('integer'),
  },
);
const group = object(
  { Name: string },
  {
    Count: maybe('integer'),
    Scaling: maybeObject({ Max: maybe('integer') }),
    Meta: mapOf(string),
    Networks: networks,
    Services: services,
    Tasks: maybeList(task),
    ShutdownDelay: maybe('integer'),
  },
);
const job = object(
  {
    ID: string,
    Name: string,
    Namespace: string,
    Version: index,
    CreateIndex: index,
    JobModifyIndex: index,
  },
  { Region: maybe('string'), Meta: mapOf(string), TaskGroups: maybeList(group) },
);
const jobStub = object(
  {
    ID: string,
    Namespace: string,
    Type: string,
    Status: string,
    Stop: { type: 'boolean' },
    Periodic: { type: 'boolean' },
    ParameterizedJob: { type: 'boolean' },
    CreateIndex: index,
    JobModifyIndex: index,
  },
  { JobSummary: maybeObject({ Summary: mapOf(object({}, { Running: maybe('integer') })) }) },
);
const allocation = object(
  {
    ID: string,
    Name: string,
    Namespace: string,
    JobID: string,
    JobVersion: index,
    TaskGroup: string,
    ClientStatus: string,
    DesiredStatus: string,
    CreateIndex: index,
  },
  {
    NodeID: maybe('string'),
    NodeName: maybe('string'),
    DeploymentStatus: maybeObject({ Canary: maybe('boolean') }),
    AllocatedResources: maybeObject({
      Shared: maybeObject({ Networks: networks, Ports: maybeList(port) }),
      Tasks: mapOf(maybeObject({ Networks: networks })),
    }),
    TaskStates: mapOf(maybeObject({ State: maybe('string') })),
    ModifyIndex: maybe('integer'),
  },
);
const instance = object(
  {
    ID: string,
    ServiceName: string,
    Namespace: string,
    JobID: string,
    AllocID: string,
    Address: string,
    Port: { type: 'integer' },
    CreateIndex: index,
  },
  { Tags: tags },
);
const serviceGroup = object({
  Namespace: string,
  Services: { type: 'array', items: object({ ServiceName: string }, { Tags: tags }) },
});

const ajv = new Ajv({ allowUnionTypes: true });

/** Parses one kind of document. Throws `nomad-untrusted` if it doesn't match. */
export type Parse<T> = (body: unknown, path: string) => T;

function parser<T>(schema: SchemaObject): Parse<T> {
  const valid = ajv.compile<T>(schema as JSONSchemaType<T>);
  return (body, path) => {
    if (valid(body)) return body;
    const [first] = valid.errors ?? [];
    const where = `${first?.instancePath ?? ''} ${first?.message ?? ''}`.trim();
    throw new MalformedAnswer(`Nomad's answer to ${path} has an unexpected shape: ${where}`);
  };
}

const listOf = (items: SchemaObject): SchemaObject => ({ type: 'array', items });

export const parseServiceGroups = parser<readonly WireServiceGroup[]>(listOf(serviceGroup));
export const parseInstances = parser<readonly WireInstance[]>(listOf(instance));
export const parseAllocations = parser<readonly WireAllocation[]>(listOf(allocation));
export const parseEvaluations = parser<readonly WireEvaluation[]>(
  listOf(object({ Namespace: string, JobID: string, CreateIndex: index })),
);
export const parseJobStubs = parser<readonly WireJobStub[]>(listOf(jobStub));
export const parseJob = parser<WireJob>(job);
export const parseJobVersions = parser<{ readonly Versions: readonly [WireJob, ...WireJob[]] }>(
  object({ Versions: { type: 'array', items: job, minItems: 1 } }),
);
export const parseAllocationJob = parser<{ readonly Job: WireJob }>(object({ Job: job }));
