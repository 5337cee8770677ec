import type { RoutingSettings } from '../config/types.js';

/** How a route matches the Host. `any`: it doesn't. */
export type HostMatch = 'exact' | 'prefix' | 'wildcard' | 'regex' | 'any';

/** One map per kind of match, with and without a path prefix. */
export type MapKind = Exclude<HostMatch, 'any'> | `${HostMatch}-path`;

interface Matched {
  readonly match: HostMatch;
  readonly path?: string;
}

const pathKinds = {
  exact: 'exact-path',
  prefix: 'prefix-path',
  wildcard: 'wildcard-path',
  regex: 'regex-path',
  any: 'any-path',
} as const satisfies Readonly<Record<HostMatch, MapKind>>;

export function kindOfRoute({ match, path }: Matched): MapKind {
  return path !== undefined || match === 'any' ? pathKinds[match] : match;
}

/** Lookups that search a list of regular expressions in line order. */
export const listKinds: readonly MapKind[] = ['prefix-path', 'regex', 'regex-path'];

export function isListKind(kind: MapKind): boolean {
  return listKinds.includes(kind);
}

/** Check path and Host by server name, if a service's instances differ. */
export type CheckMapKind = 'check-path' | 'check-host';

/** Which servers are canaries, for services whose requests may ask for one. */
export type CanaryMapKind = 'canary';

/** Which entries of a shared map are ours, and who claimed what when. HAProxy never loads them. */
export type RecordKind = 'owned' | 'claims';

/** Our map files in the data plane's maps folder, without `.map`. */
export function mapNames(
  routing: RoutingSettings,
): Readonly<Record<MapKind | CheckMapKind | CanaryMapKind | RecordKind, string>> {
  const base = routing.mapName;
  return {
    exact: routing.mapFile === undefined ? `${base}_exact` : baseName(routing.mapFile),
    prefix: `${base}_prefix`,
    wildcard: `${base}_wildcard`,
    regex: `${base}_regex`,
    'exact-path': `${base}_exact_path`,
    'prefix-path': `${base}_prefix_path`,
    'wildcard-path': `${base}_wildcard_path`,
    'regex-path': `${base}_regex_path`,
    'any-path': `${base}_any_path`,
    'check-path': `${base}_check_path`,
    'check-host': `${base}_check_host`,
    canary: `${base}_canary`,
    owned: `${base}_owned`,
    claims: `${base}_claims`,
  };
}

/**
 * Where we say that this HAProxy has been filled, if the operator has it: a map of this name that
 * HAProxy loads. We never make it.
 */
export function readyMap(routing: RoutingSettings): string {
  return `${routing.mapName}_ready`;
}

/** The map shared with the operator, if any. */
export function sharedMap(routing: RoutingSettings): string | undefined {
  return routing.mapFile === undefined ? undefined : mapNames(routing).exact;
}

function baseName(file: string): string {
  return (file.split('/').pop() ?? file).replace(/\.map$/, '');
}
