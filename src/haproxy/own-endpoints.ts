import { isSameAddress, reachOf } from './networks.js';

/** Where the connector itself, or what it talks to, listens. Never a target. */
export interface OwnEndpoint {
  /** For people: `the Data Plane API`. */
  readonly what: string;
  /** As in the settings. */
  readonly host: string;
  /** IP addresses of that host. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Of the Data Plane API, which runs beside its HAProxy. */
  readonly besideHaproxy?: true;
}

/**
 * The endpoint that a target would be, if it is one. Its port on the loopback counts too: HAProxy
 * may run beside it.
 */
export function ownEndpointAt(
  endpoints: readonly OwnEndpoint[],
  address: string,
  port: number,
): OwnEndpoint | undefined {
  return endpoints.find(
    (one) =>
      one.port === port &&
      (reachOf(address) === 'loopback' ||
        one.addresses.some((other) => isSameAddress(other, address))),
  );
}

/** The same for a Host header such as `127.0.0.1:4646`. */
export function ownEndpointNamed(
  endpoints: readonly OwnEndpoint[],
  authority: string,
): OwnEndpoint | undefined {
  const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(authority.toLowerCase()) ?? [];
  const host = v6 ?? name;
  if (host === undefined) return undefined;
  return (
    endpoints.find(
      (one) =>
        one.port === Number(port) && (one.host.toLowerCase() === host || host === 'localhost'),
    ) ?? ownEndpointAt(endpoints, host, Number(port))
  );
}
