import { ConnectorError } from '../shared/errors.js';
import type { DataPlaneResponse } from './dataplane-client.js';
import { parseRuntimeServers, type RuntimeServers } from './normalise/parse.js';
import type { ActualBackend } from './types.js';

type Get = (path: string) => Promise<DataPlaneResponse>;

/** How often a list that was cut is read again. */
const maxTries = 2;

/**
 * The servers of all backends in the process, whole. HAProxy 3.0's master socket stalls now and then
 * in an answer of hundreds of kilobytes (`show servers state` of 5,000 servers), and after 30 s the
 * Data Plane API gives what it has as if it were all. Taken for the truth that is a lost reload. So
 * one of the servers that are missing is asked for by its backend's name, and the list again.
 */
export async function wholeList(
  get: Get,
  backends: Readonly<Record<string, ActualBackend>>,
  first: RuntimeServers,
  readAgain: () => Promise<RuntimeServers>,
): Promise<RuntimeServers> {
  let servers = first;
  for (let tries = 0; await isCut(get, backends, servers); tries++) {
    if (tries === maxTries) {
      throw new ConnectorError('haproxy-failed', "the list of HAProxy's servers is cut short");
    }
    servers = await readAgain();
  }
  return servers;
}

async function isCut(
  get: Get,
  backends: Readonly<Record<string, ActualBackend>>,
  servers: RuntimeServers,
): Promise<boolean> {
  const isMissing = ({ name }: { readonly name: string }): boolean => servers[name] === undefined;
  const lacking = Object.values(backends).find(({ slots }) => slots.some(isMissing));
  if (lacking === undefined) return false;
  const { status, body } = await get(
    `/runtime/backends/${encodeURIComponent(lacking.name)}/servers`,
  );
  const loaded = status === 200 ? parseRuntimeServers(body) : {};
  return lacking.slots.some((slot) => isMissing(slot) && loaded[slot.name] !== undefined);
}
