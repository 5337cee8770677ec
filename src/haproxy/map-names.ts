import type { RoutingSettings } from '../config/types.js';

/** How a route looks at the Host. `any`: it does not. */
export type HostMatch = 'exact' | 'prefix' | 'wildcard' | 'regex' | 'any';

/** One map for each kind of match, and for each with a path prefix besides. */
export type MapKind = Exclude<HostMatch, 'any'> | `${HostMatch}-path`;

/** What each server is checked on, by server name, where instances of a service differ in it. */
export type CheckMapKind = 'check-path' | 'check-host';

/** Which servers are canaries, where a service's requests may ask for one. */
export type CanaryMapKind = 'canary';

/** Which entries of a map that the operator shares are ours; HAProxy never loads it. */
export type RecordKind = 'owned';

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
  };
}

/** The map that the operator has entries in too, if there is one. */
export function sharedMap(routing: RoutingSettings): string | undefined {
  return routing.mapFile === undefined ? undefined : mapNames(routing).exact;
}

function baseName(file: string): string {
  return (file.split('/').pop() ?? file).replace(/\.map$/, '');
}
