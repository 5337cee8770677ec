/** Builds an instance from the catalog and its allocation. */

import { ipOrNothing, isHostName, withoutBrackets } from './address-text.js';
import { instanceChecks } from './checks.js';
import { findBlock } from './instance-id.js';
import { keyOf } from './keys.js';
import type { WireAllocation, WireInstance } from '../../nomad/answers/shapes.js';
import { allocationAddresses, hostAddress } from './ports.js';
import type { Snapshot } from './snapshot.js';
import type { ServiceBlock } from './spec.js';
import type { AllocationFacts, CatalogInstance, InstanceSpec } from '../../types.js';
import { allocationVariables, type Variables } from './variables.js';

/** `facts`: of its allocation. */
export function toInstance(
  wire: WireInstance,
  snapshot: Snapshot,
  facts: AllocationFacts | undefined,
): CatalogInstance {
  const alloc = snapshot.allocations.get(wire.AllocID);
  const block = alloc === undefined ? undefined : blockOf(wire, alloc, snapshot);
  const address = addressOf(wire, alloc, block, snapshot);
  return {
    id: wire.ID,
    jobId: wire.JobID,
    ...(alloc === undefined ? {} : { group: alloc.TaskGroup }),
    allocId: wire.AllocID,
    address,
    ...(address === '' && isHostName(withoutBrackets(wire.Address)) ? { unresolved: true } : {}),
    ...foreignOf(address, alloc, block),
    port: wire.Port >= 1 && wire.Port <= 65_535 ? wire.Port : 0,
    tags: wire.Tags ?? [],
    createIndex: wire.CreateIndex,
    ...(facts === undefined ? {} : { allocation: facts }),
    spec: specOf(wire, alloc, block, snapshot),
  };
}

export function toFacts(alloc: WireAllocation): AllocationFacts {
  return {
    namespace: alloc.Namespace,
    jobId: alloc.JobID,
    jobVersion: alloc.JobVersion,
    clientStatus: alloc.ClientStatus,
    desiredStatus: alloc.DesiredStatus,
    canary: alloc.DeploymentStatus?.Canary === true,
    createIndex: alloc.CreateIndex,
    ...(alloc.NodeName ? { node: alloc.NodeName } : {}),
    ...(alloc.TaskGroup ? { group: alloc.TaskGroup } : {}),
  };
}

export function variablesOf(alloc: WireAllocation): Variables {
  return allocationVariables({
    id: alloc.ID,
    name: alloc.Name,
    ...(alloc.NodeID ? { nodeId: alloc.NodeID } : {}),
    ...(alloc.NodeName ? { nodeName: alloc.NodeName } : {}),
  });
}

function blockOf(
  wire: WireInstance,
  alloc: WireAllocation,
  snapshot: Snapshot,
): ServiceBlock | undefined {
  const registered = {
    id: wire.ID,
    allocId: wire.AllocID,
    name: wire.ServiceName,
    group: alloc.TaskGroup,
  };
  return findBlock(registered, snapshot.specOf(alloc)?.blocks ?? [], variablesOf(alloc));
}

function specOf(
  wire: WireInstance,
  alloc: WireAllocation | undefined,
  block: ServiceBlock | undefined,
  snapshot: Snapshot,
): InstanceSpec {
  if (alloc === undefined) return unreadable('Nomad does not know its allocation');
  if (block === undefined) {
    const reason = snapshot.unreadable.get(keyOf(alloc.Namespace, alloc.JobID));
    return unreadable(reason ?? 'its job version has no such service');
  }
  const resources = alloc.AllocatedResources ?? undefined;
  return {
    status: 'known',
    checks: instanceChecks(block, wire.Port, resources, variablesOf(alloc)),
    shutdownDelayMs: block.shutdownDelayMs,
  };
}

function addressOf(
  wire: WireInstance,
  alloc: WireAllocation | undefined,
  block: ServiceBlock | undefined,
  snapshot: Snapshot,
): string {
  const address = withoutBrackets(wire.Address);
  if (address === '') {
    const host = hostAddress(alloc?.AllocatedResources ?? undefined, block?.portLabel ?? '');
    return ipOrNothing(withoutBrackets(host));
  }
  if (isHostName(address)) return snapshot.addresses.get(address) ?? '';
  return ipOrNothing(address);
}

/** Without an address of its own in the job, Nomad registers the allocation's or its node's. */
function foreignOf(
  address: string,
  alloc: WireAllocation | undefined,
  block: ServiceBlock | undefined,
): Pick<CatalogInstance, 'foreign'> {
  if (address === '' || block?.customAddress === false) return {};
  const own = allocationAddresses(alloc?.AllocatedResources ?? undefined);
  if (own.some((one) => ipOrNothing(withoutBrackets(one)) === address)) return {};
  return { foreign: block === undefined ? 'unknown' : 'job' };
}

function unreadable(reason: string): InstanceSpec {
  return { status: 'unreadable', reason };
}
