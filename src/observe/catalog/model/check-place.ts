/**
 * Where a check connects. Nomad uses the host's address unless the check's `address_mode` or the service's `address` says otherwise. HAProxy uses the server's address, as registered; only the port is free. A listener that isn't reachable there can't be checked.
 *
 * | the check's port                    | the service registers       | checked at                    |
 * |-------------------------------------|-----------------------------|-------------------------------|
 * | none, or the service's own label    | any address                 | the service's own port        |
 * | a label of the allocation           | the host's                  | its host port, if on that     |
 * |                                     |                             | host network                  |
 * |                                     | the allocation's            | its port inside               |
 * |                                     | an address of the job's own | its host port, as in Nomad    |
 * | a number                            | the host's, its own         | that port                     |
 * |                                     | the allocation's            | that port, if the check's     |
 * |                                     |                             | address is the allocation's   |
 */

import { withoutBrackets } from './address-text.js';
import type { WirePort, WireResources } from '../../nomad/answers/shapes.js';
import { addressesInside, findPort, hostAddress, isLiteral, resolvePort } from './ports.js';
import type { CheckBlock, ServiceBlock } from './spec.js';

export interface CheckPlace {
  /** Undefined for the service's own port. */
  readonly port?: number;
  readonly elsewhere?: string;
}

/** Labels with resolved variables, and the registered values. */
export interface Ports {
  readonly service: string;
  readonly servicePort: number;
  readonly check: string;
}

const own: CheckPlace = {};

export function checkPlace(
  block: ServiceBlock,
  check: CheckBlock,
  ports: Ports,
  resources: WireResources | undefined,
): CheckPlace {
  const label = ports.check;
  if (label === '' || label === ports.service) return own;
  const query = { label, ...(block.task === undefined ? {} : { task: block.task }) };
  const inside = addressesInside(block.addressMode) || byDriver(query, ports, resources);
  if (otherFamily(block, check)) return elsewhere(label, 'is on an IPv6 address of the allocation');
  const mapped = findPort(query, resources);
  const port = resolvePort({ ...query, inside }, resources);
  // Without an allocation's resources, the labels are unknown.
  if (port === undefined) return resources === undefined ? own : elsewhere(label, 'is not known');
  if (mapped === undefined) return literalPlace(block, check, label, port);
  const away =
    inside || block.customAddress ? undefined : otherHostAddress(ports, mapped, resources);
  return away === undefined ? { port } : elsewhere(label, `is on ${away}`);
}

/** The same from the spec alone, for a count of zero. */
export function declaredPlace(block: ServiceBlock, check: CheckBlock): CheckPlace {
  const { portLabel: label } = check;
  if (label === '' || label === block.portLabel) return own;
  if (otherFamily(block, check)) return elsewhere(label, 'is on an IPv6 address of the allocation');
  const networks = [label, block.portLabel].map((one) => block.hostNetworks[one]);
  const [its, services] = networks.map((name) => (name === 'default' ? '' : name));
  const open = !addressesInside(block.addressMode) && !block.customAddress;
  if (open && its !== undefined && services !== undefined && its !== services) {
    return elsewhere(label, 'is on another host network');
  }
  const port = block.staticPorts[label];
  if (port !== undefined) return { port };
  const literal = resolvePort({ label, inside: false }, undefined);
  if (literal === undefined || its !== undefined) return own;
  return literalPlace(block, check, label, literal);
}

/** A number is a port at the check's address and is never mapped. */
function literalPlace(
  block: ServiceBlock,
  check: CheckBlock,
  label: string,
  port: number,
): CheckPlace {
  const service = addressesInside(block.addressMode);
  const checked = addressesInside(check.addressMode);
  if (service === checked) return { port };
  return elsewhere(
    label,
    checked ? "is on the allocation's own address" : "is on the host's address",
  );
}

/** Mode `auto` registers the driver network's address and inner port if there is one. */
function byDriver(
  query: { readonly task?: string },
  { service, servicePort }: Ports,
  resources: WireResources | undefined,
): boolean {
  const port = findPort({ ...query, label: service }, resources);
  return port?.To === servicePort && port.Value !== servicePort;
}

/** It is unknown whether an application listens on both families. */
function otherFamily(block: ServiceBlock, check: CheckBlock): boolean {
  return (block.addressMode === 'alloc_ipv6') !== (check.addressMode === 'alloc_ipv6');
}

/** The address of the port's host network, if it differs from the service port's. */
function otherHostAddress(
  { service }: Ports,
  { HostIP }: WirePort,
  resources: WireResources | undefined,
): string | undefined {
  const its = withoutBrackets(HostIP ?? '');
  const services = withoutBrackets(hostAddress(resources, service));
  return its === '' || services === '' || its === services ? undefined : its;
}

function elsewhere(label: string, where: string): CheckPlace {
  return { elsewhere: `its port ${isLiteral(label) ? label : `"${label}"`} ${where}` };
}
