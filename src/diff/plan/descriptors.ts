import type { ActualState } from '../../actual/types.js';
import type { DesiredBackend, DesiredState } from '../../desired/types.js';
import { serverFacts } from './server-facts.js';

/** What HAProxy said when it refused a configuration for want of file descriptors. */
export interface RefusedDescriptors {
  /** What it would have needed. */
  readonly wanted: number;
  readonly limit: number;
  /** How many more than planned are to be left free: a refusal repeated within the known limit. */
  readonly reserve: number;
}

/**
 * HAProxy reserves its descriptors when it loads a configuration, and doesn't start where it can't:
 * two for each connection of `maxconn`, one for each server with a check, another where `port` is on
 * its line, one for each address that it listens on, and some of its own. `show info` gives the sum as `Maxsock`. In a reload one or two
 * are added for each old worker that still runs, which is what this is for.
 */
const margin = 64;

/**
 * Where nothing tells how many descriptors HAProxy may have: about 400 MB of its memory. It refuses
 * more than it can hold, and stays as it is.
 */
const mostUnknown = 50_000;

/** Servers may take half of the descriptors where HAProxy gives connections all that are left. */
const share = 0.5;

export interface ServerRoom {
  /** Servers of ours that HAProxy is to have at most. */
  readonly most: number;
  /** The limit of descriptors that this follows from. */
  readonly limit?: number;
}

/**
 * How many servers of ours HAProxy has descriptors for. `total` is the operator's own limit, which
 * comes before all but what HAProxy can load at all.
 */
export function serverRoom(
  actual: ActualState,
  { backends }: Pick<DesiredState, 'backends'>,
  refused?: RefusedDescriptors,
  total?: number,
): ServerRoom {
  const limit = descriptorLimit(actual, refused);
  if (limit === undefined) return { most: total ?? mostUnknown };
  const beside = roundUp(neededBeside(actual) + margin) + (refused?.reserve ?? 0);
  const loadable = limit - beside - ownPorts(backends);
  const usual = isAutomatic(actual) ? Math.floor(limit * share) : Infinity;
  return { most: Math.max(0, Math.min(total ?? usual, loadable)), limit };
}

/** The same limit, however many old workers ran at the last reload. */
function roundUp(descriptors: number): number {
  return Math.ceil(descriptors / margin) * margin;
}

/** What HAProxy needs beside our servers, with as few connections as it would go down to. */
function neededBeside(actual: ActualState): number {
  const { maxSockets = 0, maxConnections = fewestConnections } = actual.haproxy;
  const beside = maxSockets - serverFacts(actual).checked;
  return isAutomatic(actual)
    ? beside - 2 * Math.max(0, maxConnections - fewestConnections)
    : beside;
}

/** Where it chooses `maxconn`. */
const fewestConnections = 100;

/**
 * HAProxy doesn't say how many it may have. It can be told where it gives `maxconn` all of them, where
 * `ulimit-n` or `fd-hard-limit` names a number, and where it refused a configuration. `ulimit-n` is
 * never exceeded: HAProxy 3.0 doesn't survive that reload (3.0.11: the master exits).
 */
function descriptorLimit(
  actual: ActualState,
  refused: RefusedDescriptors | undefined,
): number | undefined {
  const { haproxy, global } = actual;
  const { maxSockets, openFiles } = haproxy;
  if (maxSockets === undefined) return undefined;
  const known = [
    ...(openFiles !== undefined && openFiles !== maxSockets ? [openFiles] : []),
    ...(isAutomatic(actual) ? [maxSockets] : []),
    ...(global.fdHardLimit === undefined ? [] : [global.fdHardLimit]),
    // An old refusal, if it has more by now.
    ...(refused === undefined || refused.limit < maxSockets ? [] : [refused.limit]),
  ];
  return known.length === 0 ? undefined : Math.max(maxSockets, Math.min(...known));
}

/** Without `maxconn`, HAProxy makes as much of it as the descriptors allow. */
function isAutomatic({ global }: ActualState): boolean {
  return global.maxConnections === undefined;
}

/** Instances that are checked on another port. */
function ownPorts(backends: readonly DesiredBackend[]): number {
  let all = 0;
  for (const { endpoints } of backends) {
    for (const { checkPort } of endpoints) if (checkPort !== undefined) all++;
  }
  return all;
}

/** No HAProxy starts with fewer: the text is somebody's value, quoted. */
const leastLimit = 100;

const refusals = [
  /Cannot raise FD limit to (?<wanted>\d+), limit is (?<limit>\d+)/,
  /FD limit \((?<limit>\d+)\) too low for maxconn=\d+\/maxsock=(?<wanted>\d+)/,
];

/** Reads the refusal of a reload; undefined: it has another cause. */
export function descriptorRefusal(
  message: string,
  known?: RefusedDescriptors,
): RefusedDescriptors | undefined {
  const found = refusals.map((one) => one.exec(message)?.groups).find((one) => one !== undefined);
  if (found === undefined) return undefined;
  const [wanted, limit] = [Number(found['wanted']), Number(found['limit'])];
  if (wanted <= limit || limit < leastLimit) return undefined;
  // Planned for this limit, and still too much.
  const reserve = known?.limit === limit ? known.reserve + wanted - limit : 0;
  return { wanted, limit, reserve };
}
