import type { MapKind } from './map-names.js';

/**
 * The sample expressions in rules and ACLs that match a request to a route (configuration manual,
 * 7.3). They contain no blanks, because the name of a switching rule allows none.
 */

/**
 * The Host header. `req.hdr` would try each part of `a,b,c`: the check of the length would hold if
 * one part is short enough, and a lookup would search once for each.
 */
export const hostHeader = 'req.fhdr(host,-1)';

/** The Host header without its port, in lower case. */
export const hostSample = `${hostHeader},host_only,lower`;

/** The TLS server name of a TCP connection. The frontend must wait for the ClientHello. */
export const serverNameSample = 'req.ssl_sni,lower';

/**
 * Holds the path with a trailing slash, for samples that combine host and path. Set by an
 * http-request rule. With the slash, the prefix `/api/` only matches `/api` and `/api/x`.
 */
export const pathVariable = 'nomad_connector_path';
export const pathSample = 'path,concat(,,/)';

/**
 * No host name is longer. Regular expressions never see longer ones, as their cost grows with
 * length.
 */
const longestHost = 253;
export const hostLength = `${hostHeader},host_only,length`;
export const serverNameLength = 'req.ssl_sni,length';
export const lengthFits = `le ${longestHost}`;

/** Maximum number of leading labels a wildcard matches. */
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
 * In lookup order: exact, wildcard, prefix, regex, each with paths first. A wildcard has one lookup
 * per depth, longest suffix first.
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

function depths(): number[] {
  return Array.from({ length: wildcardDepth }, (_, at) => at + 1);
}
