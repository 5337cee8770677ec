import type { Settings } from '../config/types.js';
import { compareText } from '../shared/compare.js';
import { type ClaimRecord, keyPart } from '../haproxy/claims-record.js';
import { type Claim, settleClaims } from './claims.js';
import type { ServiceId } from '../haproxy/names.js';
import type { HostMatch } from '../haproxy/map-names.js';
import type { DesiredRoute } from './types.js';

/** A namespace's claim on a set of hosts, with all their paths. */
export interface HostClaim {
  /** Empty: a route file's. */
  readonly namespace: string;
  readonly match: HostMatch;
  readonly host: string;
  /** Without a host: of a path on any host, or of whole tcp frontends. */
  readonly path?: string;
  /** In the record of claims. */
  readonly key: string;
  readonly since: number;
  readonly jobAge: number;
  /** None: no service wants it at the moment. */
  readonly routes: readonly DesiredRoute[];
  /** All frontends of its routes. */
  readonly frontends: readonly string[];
  /** Frontends where it answers for whole hosts. */
  readonly whole: readonly string[];
  /** Those of them where a rule does, before HAProxy looks into any map. */
  readonly wholeByRule: readonly string[];
  readonly isRuled: boolean;
  /** Only of one that no service wants at the moment. */
  readonly former?: FormerRoutes;
}

/** What the record of claims knows of routes that are gone. */
export interface FormerRoutes {
  readonly modes: readonly string[];
  /** One was for the whole host. */
  readonly isWhole: boolean;
}

export interface Claimant {
  readonly id: ServiceId;
  readonly claimedAt: number;
  readonly routes: readonly DesiredRoute[];
}

/** `host|team-a|exact|x.io`. */
export function hostKey(namespace: string, { match, host, path, frontends }: DesiredRoute): string {
  const start = hostKeysOf(namespace);
  if (match !== 'any') return `${start}${match}|${host}`;
  return `${start}any|${path ?? `:${frontends.join()}`}`;
}

/** What all host keys of a namespace begin with. */
export function hostKeysOf(namespace: string): string {
  return `host|${keyPart(namespace)}|`;
}

/** Whether hosts are claimed by two namespaces, or may still be another's. */
export function isContested(claimants: readonly Claimant[], record: ClaimRecord): boolean {
  const [first] = claimants;
  if (first === undefined) return false;
  const { namespace } = first.id;
  if (claimants.some(({ id }) => id.namespace !== namespace)) return true;
  const own = hostKeysOf(namespace);
  return Object.keys(record).some((key) => key.startsWith('host|') && !key.startsWith(own));
}

/** All claims, oldest first. A route file's exact hosts come before all others. */
export function hostClaims(
  claimants: readonly Claimant[],
  record: ClaimRecord,
  settings: Settings,
): readonly HostClaim[] {
  const byKey = new Map<string, { claimants: Claimant[]; routes: DesiredRoute[] }>();
  for (const claimant of claimants) {
    for (const route of claimant.routes) {
      if (claimant.id.source === 'file' && route.match !== 'exact') continue;
      const key = hostKey(claimant.id.namespace, route);
      const known = byKey.get(key) ?? { claimants: [], routes: [] };
      known.claimants.push(claimant);
      known.routes.push(route);
      byKey.set(key, known);
    }
  }
  const wins = winners(claimants, record);
  const present = [...byKey].map(([key, known]) =>
    claimOf(key, known.claimants, known.routes, { record, settings, wins }),
  );
  return [...present, ...absentClaims(record, byKey)].sort(byAge);
}

interface ClaimContext {
  readonly record: ClaimRecord;
  readonly settings: Settings;
  /** Routes that their namespace's other services leave. */
  readonly wins: ReadonlySet<DesiredRoute>;
}

function winners(claimants: readonly Claimant[], record: ClaimRecord): ReadonlySet<DesiredRoute> {
  const namespaces = new Map<string, Claim[]>();
  for (const { id, claimedAt, routes } of claimants) {
    const own = namespaces.get(id.namespace) ?? [];
    own.push({ service: id, claimedAt, routes });
    namespaces.set(id.namespace, own);
  }
  return new Set(
    [...namespaces.values()].flatMap((claims) =>
      settleClaims(claims, record).flatMap(({ kept }) => kept),
    ),
  );
}

function claimOf(
  key: string,
  claimants: readonly Claimant[],
  routes: readonly DesiredRoute[],
  { record, settings, wins }: ClaimContext,
): HostClaim {
  const { namespace, source } = claimants[0]!.id;
  const { match, host, path } = routes[0]!;
  const isWhole = (route: DesiredRoute): boolean => route.path === undefined && wins.has(route);
  return {
    ...{ namespace, match, host, key, routes },
    ...(match === 'any' && path !== undefined ? { path } : {}),
    since: source === 'file' ? -1 : (record[key]?.since ?? notYet),
    jobAge: Math.min(...claimants.map(({ claimedAt }) => claimedAt)),
    frontends: frontendsOf(routes),
    whole: frontendsOf(routes.filter(isWhole)),
    wholeByRule: frontendsOf(routes.filter((route) => isWhole(route) && isRuled(route, settings))),
    isRuled: routes.some((route) => isRuled(route, settings)),
  };
}

/** The time of a claim that is new in this pass. */
const notYet = Number.MAX_SAFE_INTEGER;

/**
 * Whether HAProxy would ask a new claim on any host for the hosts of an expression whose owner is away:
 * no route stands in for it.
 */
export function isNewUnder(absent: HostClaim, claim: HostClaim): boolean {
  if (absent.routes.length > 0 || absent.match !== 'regex' || claim.match !== 'any') return false;
  return (
    claim.since === notYet && claim.routes.some(({ mode }) => absent.former?.modes.includes(mode))
  );
}

function frontendsOf(routes: readonly DesiredRoute[]): readonly string[] {
  return [...new Set(routes.flatMap(({ frontends }) => frontends))];
}

/** Rules stand before the lookups of the maps (diff/plan/routes.ts). */
export function isRuled(
  { mode, frontends }: DesiredRoute,
  { routing, haproxy }: Settings,
): boolean {
  const inMaps =
    routing.mode === 'map' &&
    mode === 'http' &&
    frontends.length === haproxy.frontends.length &&
    frontends.every((name) => haproxy.frontends.includes(name));
  return !inMaps;
}

/** Whether HAProxy, which looks for the older claim first, finds it wherever it may ask the other. */
export function isSpared(older: HostClaim, claim: HostClaim): boolean {
  if (older.routes.length === 0) return older.former?.isWhole === true;
  const answered = claim.isRuled ? older.wholeByRule : older.whole;
  return claim.frontends.every((name) => answered.includes(name));
}

/** Hosts that their namespace may come back to. */
function absentClaims(record: ClaimRecord, present: ReadonlyMap<string, unknown>): HostClaim[] {
  const absent = Object.entries(record).flatMap(([key, { since }]): HostClaim[] => {
    const [, namespace, match, host] =
      /^host\|([^|]*)\|(exact|prefix|wildcard|regex)\|(.+)$/.exec(key) ?? [];
    if (namespace === undefined || host === undefined || present.has(key)) return [];
    const none = { routes: [], frontends: [], whole: [], wholeByRule: [], isRuled: false };
    const jobAge = Number.MAX_SAFE_INTEGER;
    return [{ namespace, match: match as HostMatch, host, key, since, jobAge, ...none }];
  });
  if (absent.length === 0) return absent;
  const former = formerRoutes(record);
  return absent.map((claim) => ({ ...claim, former: former.get(claim.key) ?? noRoutes }));
}

const noRoutes: FormerRoutes = { modes: [], isWhole: false };

/** By host key. */
function formerRoutes(record: ClaimRecord): ReadonlyMap<string, FormerRoutes> {
  const found = new Map<string, FormerRoutes>();
  for (const key of Object.keys(record)) {
    const [kind, service = '', mode = '', match = '', ...rest] = key.split('|');
    if (kind !== 'route') continue;
    // An expression may hold the separator.
    const [path = '', host] = [rest.at(-2), rest.slice(0, -2).join('|')];
    const [namespace = ''] = service.split(keyPart('/'));
    const hostKey = `host|${namespace}|${match}|${host}`;
    const { modes, isWhole } = found.get(hostKey) ?? noRoutes;
    found.set(hostKey, { modes: [...modes, mode], isWhole: isWhole || path === '' });
  }
  return found;
}

function byAge(a: HostClaim, b: HostClaim): number {
  return (
    a.since - b.since ||
    a.jobAge - b.jobAge ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.key, b.key)
  );
}
