import type { MapKind } from './map-names.js';

/**
 * How a request is matched to a route: the sample expressions that stand in rules and ACLs
 * (configuration manual, 7.3). They take no blanks, for the name of a switching rule allows none.
 */

/** The Host header without its port, in lower case. */
export const hostSample = 'req.hdr(host),host_only,lower';

/** The TLS server name of a TCP connection; the frontend has to wait for the ClientHello. */
export const serverNameSample = 'req.ssl_sni,lower';

/**
 * Holds the path with a slash at its end, for samples that need host and path in one; set by an
 * http-request rule. With the slash, the prefix `/api/` is found in `/api` and `/api/x` alone.
 */
export const pathVariable = 'nomad_connector_path';
export const pathSample = 'path,concat(,,/)';

/** No host name is longer, and no regular expression gets to see one: their cost grows with it. */
const longestHost = 253;
export const hostLength = 'req.hdr(host),host_only,length';
export const serverNameLength = 'req.ssl_sni,length';
export const lengthFits = `le ${longestHost}`;

/** How many leading labels a wildcard can stand for. */
export const wildcardDepth = 4;

/** Host and path as one string: `www.example.com/api/v1/`. */
const withPath = `,concat(,txn.${pathVariable})`;

/** The host without its first `depth` labels. */
function strippedHost(depth: number): string {
  return `${hostSample},field(${depth + 1},.,0)`;
}

export interface Lookup {
  readonly kind: MapKind;
  /** The sample that yields the backend's name from the map file. */
  readonly sample: (file: string) => string;
}

/**
 * In the order in which they are asked: exact before wildcard before prefix before regex, and
 * within each those with a path first. A wildcard asks once for each depth, the longest suffix first.
 */
export const lookups: readonly Lookup[] = [
  { kind: 'exact-path', sample: (file) => `${hostSample}${withPath},map_beg(${file})` },
  { kind: 'exact', sample: (file) => `${hostSample},map(${file})` },
  ...depths().flatMap((depth): Lookup[] => [
    {
      kind: 'wildcard-path',
      sample: (file) => `${strippedHost(depth)}${withPath},map_beg(${file})`,
    },
    { kind: 'wildcard', sample: (file) => `${strippedHost(depth)},map(${file})` },
  ]),
  { kind: 'prefix-path', sample: (file) => `${hostSample}${withPath},map_reg(${file})` },
  { kind: 'prefix', sample: (file) => `${hostSample},map_beg(${file})` },
  { kind: 'regex-path', sample: (file) => `${hostSample}${withPath},map_reg(${file})` },
  { kind: 'regex', sample: (file) => `${hostSample},map_reg(${file})` },
  { kind: 'any-path', sample: (file) => `${pathSample},map_beg(${file})` },
];

/** Lookups that search a list of regular expressions, in the order of its lines. */
export const listKinds: readonly MapKind[] = ['prefix-path', 'regex', 'regex-path'];

/** Whether a switching rule is one of these lookups, wherever the map file stands. */
export function isLookup(name: string, mapName: (kind: MapKind) => string): boolean {
  return lookups.some(({ kind, sample }) => {
    const [before = '', after = ''] = `%[${sample('|')}]`.split('|');
    return name.startsWith(before) && name.endsWith(`/${mapName(kind)}.map${after}`);
  });
}

function depths(): number[] {
  return Array.from({ length: wildcardDepth }, (_, at) => at + 1);
}
