import { formatAddress } from '../../haproxy/addresses.js';
import { isListener } from '../../haproxy/listeners.js';
import { isIn, reachOf } from '../../haproxy/networks.js';
import { ownEndpointAt } from '../../haproxy/own-endpoints.js';
import type { ServiceId } from '../../haproxy/names.js';
import type { Member } from '../endpoints.js';
import type { Tags } from '../vocabulary.js';
import { memoOf } from '../../shared/memo.js';
import { isTenant, namespacePolicy, type ServiceContext } from './context.js';

/** Why an instance may not be a target, if so. */
export function refusedTarget(
  context: ServiceContext,
  id: ServiceId,
  member: Member,
  tags: readonly Tags[],
): string | undefined {
  const { address } = member;
  if (!isTenant(id) || address === '') return undefined;
  const ports = portsOf(context, member, tags);
  for (const port of ports) {
    const own = ownEndpointAt(context.endpoints, address, port);
    if (own !== undefined) return `${formatAddress(address, port)} is ${own.what}`;
  }
  const { policy } = context;
  if (policy.allowedAddresses.some((network) => isIn(network, address))) return undefined;
  const looping = ports.find((port) => isHaproxy(context, address, port));
  if (looping !== undefined) return `${formatAddress(address, looping)} is HAProxy itself`;
  const reach = reachOf(address);
  if (reach === 'link-local') return `${address} is a link-local address`;
  if (reach === 'loopback' && member.foreign === 'job') {
    return `${address} is the loopback of HAProxy's machine, not the allocation's address`;
  }
  return policy.mode === 'strict' ? unlisted(context, id, member) : undefined;
}

/** A request that HAProxy sends to itself may come back, until it has no connection left for others. */
function isHaproxy({ facts, endpoints }: ServiceContext, address: string, port: number): boolean {
  const machine = machines(endpoints, () =>
    endpoints.filter((one) => one.besideHaproxy).flatMap((one) => one.addresses),
  );
  return isListener(facts.listeners, machine, address, port);
}

/** Addresses of HAProxy's machine. */
const machines = memoOf<readonly string[]>();

function unlisted(
  { policy }: ServiceContext,
  { namespace }: ServiceId,
  { address, foreign }: Member,
): string | undefined {
  const listed = namespacePolicy(policy, namespace)?.addresses;
  if (listed === undefined) {
    return foreign === 'job' ? `${address} is not an address of its allocation` : undefined;
  }
  if (listed.some((network) => isIn(network, address))) return undefined;
  return `policy.namespaces.${namespace}.addresses does not list ${address}`;
}

/**
 * Why an address can't be judged, if so: its job can't be read, as while a purge is seen halfway. What
 * HAProxy has was judged before; nothing new is taken.
 */
export function doubtfulTarget(
  { policy }: ServiceContext,
  id: ServiceId,
  { address, foreign }: Member,
): string | undefined {
  if (!isTenant(id) || foreign !== 'unknown' || reachOf(address) !== 'loopback') return undefined;
  if (policy.allowedAddresses.some((network) => isIn(network, address))) return undefined;
  return `its job can't be read, so ${address} may be HAProxy's machine`;
}

/** All ports that HAProxy may connect to. */
function portsOf(
  { settings }: ServiceContext,
  { port, spec }: Member,
  tags: readonly Tags[],
): readonly number[] {
  const specs = settings.checks.fromJobSpec && spec.status === 'known' ? spec.checks : [];
  const ports = [port];
  for (const { checkPort } of tags) if (checkPort !== undefined) ports.push(checkPort);
  for (const check of specs) if (check.port !== undefined) ports.push(check.port);
  return ports;
}

/** A target that is allowed, but that its allocation doesn't own. */
export function foreignTarget(
  { policy }: ServiceContext,
  id: ServiceId,
  { address, foreign }: Member,
): string | undefined {
  if (!isTenant(id) || foreign !== 'job' || address === '') return undefined;
  if (policy.allowedAddresses.some((network) => isIn(network, address))) return undefined;
  return `${address} is not an address of its allocation`;
}
