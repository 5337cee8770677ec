import { Ajv, type SchemaObject, type ValidateFunction } from 'ajv';

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

/** Of `parts`, below. */
function part(name: 'networks' | 'services' | 'job'): SchemaObject {
  return { $ref: `parts#/$defs/${name}` };
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
    Services: part('services'),
    ShutdownDelay: maybe('integer'),
  },
);
const group = object(
  { Name: string },
  {
    Count: maybe('integer'),
    Scaling: maybeObject({ Max: maybe('integer') }),
    Meta: mapOf(string),
    Networks: part('networks'),
    Services: part('services'),
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
/** What several documents hold is compiled once. */
const parts = { networks, services, job };

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
      Shared: maybeObject({ Networks: part('networks'), Ports: maybeList(port) }),
      Tasks: mapOf(maybeObject({ Networks: part('networks') })),
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

const evaluation = object({ Namespace: string, JobID: string, CreateIndex: index });

const listOf = (items: SchemaObject): SchemaObject => ({ type: 'array', items });

/** `npm run build` writes the checks that this module exports out as code (`scripts/build.ts`). */
export const ajv = new Ajv({
  allowUnionTypes: true,
  inlineRefs: false,
  code: { source: true, esm: true },
});
ajv.addSchema({ $id: 'parts', $defs: parts });

function compile(name: string, schema: SchemaObject): ValidateFunction {
  return ajv.compile({ $id: name, ...schema });
}

export const serviceGroups = compile('serviceGroups', listOf(serviceGroup));
export const instances = compile('instances', listOf(instance));
export const allocations = compile('allocations', listOf(allocation));
export const evaluations = compile('evaluations', listOf(evaluation));
export const jobStubs = compile('jobStubs', listOf(jobStub));
export const oneJob = compile('oneJob', part('job'));
export const jobVersions = compile(
  'jobVersions',
  object({ Versions: { type: 'array', items: part('job'), minItems: 1 } }),
);
export const allocationJob = compile('allocationJob', object({ Job: part('job') }));
