/** Resolves port labels against an allocation's resources. */

import type { WireNetwork, WirePort, WireResources } from '../../nomad/answers/shapes.js';

export interface PortQuery {
  readonly label: string;
  /** The task of a task-level service. Its own networks (an old form) count too. */
  readonly task?: string;
  /**
   * The service registers the allocation's own address, behind the port mapping, where the inner
   * port `To` answers.
   */
  readonly inside: boolean;
}

export function resolvePort(
  query: PortQuery,
  resources: WireResources | undefined,
): number | undefined {
  const { label, inside } = query;
  if (label === '') return undefined;
  const port = findPort(query, resources);
  if (port !== undefined) return (inside && positive(port.To)) || positive(port.Value);
  return isLiteral(label) ? validPort(Number(label)) : undefined;
}

/** The port for a label. A label may look like a number. */
export function findPort(
  { label, task }: Pick<PortQuery, 'label' | 'task'>,
  resources: WireResources | undefined,
): WirePort | undefined {
  return allPorts(resources, task).find(({ Label }) => Label === label);
}

export function isLiteral(label: string): boolean {
  return /^\d{1,5}$/.test(label);
}

/** The address of an instance that was registered without one. */
export function hostAddress(resources: WireResources | undefined, label: string): string {
  const ports = resources?.Shared?.Ports ?? [];
  const mapped = ports.find((port) => port.Label === label)?.HostIP;
  const network = resources?.Shared?.Networks?.find(({ IP }) => (IP ?? '') !== '')?.IP;
  return mapped || network || ports.find(({ HostIP }) => (HostIP ?? '') !== '')?.HostIP || '';
}

/** Of its networks, its tasks' and its ports. */
export function allocationAddresses(resources: WireResources | undefined): readonly string[] {
  const shared = resources?.Shared;
  const networks = [
    ...(shared?.Networks ?? []),
    ...Object.values(resources?.Tasks ?? {}).flatMap((task) => task?.Networks ?? []),
  ];
  const found = [
    ...networks.map(({ IP }) => IP),
    ...(shared?.Ports ?? []).map(({ HostIP }) => HostIP),
  ];
  return found.filter((one): one is string => typeof one === 'string' && one !== '');
}

export function addressesInside(mode: string): boolean {
  return mode === 'alloc' || mode === 'alloc_ipv6' || mode === 'driver';
}

function allPorts(resources: WireResources | undefined, task: string | undefined): WirePort[] {
  const shared = resources?.Shared;
  const own = task === undefined ? undefined : resources?.Tasks?.[task];
  return [
    ...(shared?.Ports ?? []),
    ...(own?.Networks ?? []).flatMap(networkPorts),
    ...(shared?.Networks ?? []).flatMap(networkPorts),
    ...Object.values(resources?.Tasks ?? {}).flatMap((other) =>
      (other?.Networks ?? []).flatMap(networkPorts),
    ),
  ];
}

export function networkPorts(network: WireNetwork): WirePort[] {
  return [...(network.DynamicPorts ?? []), ...(network.ReservedPorts ?? [])];
}

function positive(port: number | null | undefined): number | undefined {
  return port === null || port === undefined ? undefined : validPort(port);
}

function validPort(port: number): number | undefined {
  return port >= 1 && port <= 65_535 ? port : undefined;
}
