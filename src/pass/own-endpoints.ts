import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

import equal from 'fast-deep-equal';

import type { Settings, TargetSettings } from '../config/types.js';
import type { OwnEndpoint } from '../haproxy/own-endpoints.js';

type Named = Omit<OwnEndpoint, 'addresses'>;

const freshMs = 30_000;
const timeoutMs = 2000;

/**
 * Finds the addresses of what the settings name and of the targets that there are, and keeps the last
 * ones if a lookup fails.
 */
export function ownEndpoints(
  settings: Settings,
  targets: () => readonly TargetSettings[] = () => settings.targets,
  now: () => number = Date.now,
): () => Promise<readonly OwnEndpoint[]> {
  let named = namedEndpoints(settings, targets());
  let known: readonly OwnEndpoint[] = named.map((one) => ({ ...one, addresses: [] }));
  let readAt = -Infinity;
  return async () => {
    const asked = namedEndpoints(settings, targets());
    if (equal(asked, named) && now() - readAt < freshMs) return known;
    readAt = now();
    named = asked;
    const before = new Map(known.map(({ host, addresses }) => [host, addresses]));
    known = await Promise.all(
      named.map(async (one) => {
        const found = await addressesOf(one.host);
        return { ...one, addresses: found.length > 0 ? found : (before.get(one.host) ?? []) };
      }),
    );
    return known;
  };
}

function namedEndpoints(
  { nomad, http }: Settings,
  targets: readonly TargetSettings[],
): readonly Named[] {
  const ofUrl = (what: string, address: string): Named[] => {
    if (!URL.canParse(address)) return [];
    const { hostname, port, protocol } = new URL(address);
    const host = hostname.replace(/^\[|\]$/g, '');
    return [{ what, host, port: Number(port) || (protocol === 'https:' ? 443 : 80) }];
  };
  return [
    ...targets.flatMap(({ address }) =>
      ofUrl('the Data Plane API', address).map((one) => ({ ...one, besideHaproxy: true as const })),
    ),
    ...(nomad.unixSocket === undefined ? ofUrl("Nomad's API", nomad.address) : []),
    ...(http.enabled
      ? [{ what: "the connector's own port", host: http.host, port: http.port }]
      : []),
  ];
}

/** A host that is this machine is all of its addresses. */
async function addressesOf(host: string): Promise<readonly string[]> {
  const found = host === '' || isIP(host) > 0 ? [host] : await lookedUp(host);
  const isHere = found.some(
    (one) => ['', '0.0.0.0', '::', '::1'].includes(one) || one.startsWith('127.'),
  );
  const here = isHere ? localAddresses() : [];
  return [...new Set([...found, ...here])].filter((one) => one !== '');
}

function localAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) =>
    all.map(({ address }) => address),
  );
}

async function lookedUp(host: string): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), timeoutMs);
  });
  const asked = lookup(host, { all: true }).then(
    (all) => all.map(({ address }) => address),
    () => [],
  );
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}
