import { ConnectorError } from '../shared/errors.js';
import { expectNamed } from './answers.js';
import type { DataPlaneResponse } from './dataplane-client.js';
import { parseRuntimeServers, type RuntimeServers } from './normalise/parse.js';
import { requireTypes } from './sections.js';
import type { ActualBackend } from './types.js';

type Get = (path: string) => Promise<DataPlaneResponse>;

/** Lists that have all servers of these backends. */
const whole = new WeakMap<RuntimeServers, Readonly<Record<string, ActualBackend>>>();

/** Retries for a truncated list. */
const maxTries = 2;

/**
 * The complete list of servers in the process. HAProxy 3.0's master socket occasionally stalls in
 * answers of hundreds of kilobytes (`show servers state` of 5,000 servers). After 30 s the Data
 * Plane API then returns a truncated list, which would look like a lost reload. So if servers are
 * missing, one of their backends is read on its own, and the list is read again if they do exist.
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
      throw new ConnectorError('haproxy-failed', "the list of HAProxy's servers is truncated");
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
  if (whole.get(servers) === backends) return false;
  const isMissing = ({ name }: { readonly name: string }): boolean => servers[name] === undefined;
  const lacking = Object.values(backends).find(({ slots }) => slots.some(isMissing));
  if (lacking === undefined) {
    whole.set(servers, backends);
    return false;
  }
  const response = await get(`/runtime/backends/${encodeURIComponent(lacking.name)}/servers`);
  // For a backend that HAProxy hasn't loaded: 404, and 500 with Data Plane API 3.0.
  const isLoaded = response.status < 400;
  const what = `read servers of ${lacking.name}`;
  const loaded = isLoaded
    ? parseRuntimeServers(requireTypes(expectNamed(response, what, 'name'), 'runtime', what))
    : {};
  return lacking.slots.some((slot) => isMissing(slot) && loaded[slot.name] !== undefined);
}
