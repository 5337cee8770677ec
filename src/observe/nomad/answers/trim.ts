/** What is kept of an answer between reads: the fields that are used, a fraction of all. */

import type {
  Maybe,
  WireAllocation,
  WireInstance,
  WireJobStub,
  WireNetwork,
  WirePort,
  WireResources,
} from './shapes.js';

export function trimInstance(wire: WireInstance): WireInstance {
  const { ID, ServiceName, Namespace, JobID, AllocID, Tags, Address, Port, CreateIndex } = wire;
  return { ID, ServiceName, Namespace, JobID, AllocID, Tags, Address, Port, CreateIndex };
}

export function trimJobStub(stub: WireJobStub): WireJobStub {
  const { ID, Namespace, Type, Status, Stop, Periodic, ParameterizedJob } = stub;
  const { CreateIndex, JobModifyIndex, JobSummary } = stub;
  const groups = Object.entries(JobSummary?.Summary ?? {});
  const Summary = Object.fromEntries(groups.map(([name, { Running }]) => [name, { Running }]));
  return {
    ...{ ID, Namespace, Type, Status, Stop, Periodic, ParameterizedJob },
    ...{ CreateIndex, JobModifyIndex, JobSummary: { Summary } },
  };
}

export function trimAllocation(alloc: WireAllocation): WireAllocation {
  const { ID, Name, Namespace, NodeID, NodeName, JobID, JobVersion, TaskGroup } = alloc;
  const { ClientStatus, DesiredStatus, CreateIndex, ModifyIndex } = alloc;
  const { AllocatedResources, DeploymentStatus, TaskStates } = alloc;
  return {
    ...{ ID, Name, Namespace, NodeID, NodeName, JobID, JobVersion, TaskGroup },
    ...{ ClientStatus, DesiredStatus, CreateIndex, ModifyIndex },
    ...(AllocatedResources ? { AllocatedResources: trimResources(AllocatedResources) } : {}),
    ...(DeploymentStatus ? { DeploymentStatus: { Canary: DeploymentStatus.Canary } } : {}),
    ...(TaskStates ? { TaskStates: mapped(TaskStates, (task) => ({ State: task?.State })) } : {}),
  };
}

function trimResources({ Shared, Tasks }: WireResources): WireResources {
  return {
    Shared: { Networks: networksOf(Shared?.Networks), Ports: Shared?.Ports?.map(trimPort) },
    Tasks: mapped(Tasks ?? {}, (task) => ({ Networks: networksOf(task?.Networks) })),
  };
}

function networksOf(networks: Maybe<readonly WireNetwork[]>): Maybe<readonly WireNetwork[]> {
  return networks?.map(({ IP, DynamicPorts, ReservedPorts }) => ({
    IP,
    DynamicPorts: DynamicPorts?.map(trimPort),
    ReservedPorts: ReservedPorts?.map(trimPort),
  }));
}

function trimPort({ Label, Value, To, HostIP, HostNetwork }: WirePort): WirePort {
  return { Label, Value, To, HostIP, HostNetwork };
}

function mapped<In, Out>(
  record: Readonly<Record<string, In>>,
  trim: (value: In) => Out,
): Readonly<Record<string, Out>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, trim(value)]));
}
