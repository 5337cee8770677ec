import { createHash } from 'node:crypto';

import { escapeRegex } from '../../shared/escape-regex.js';
import { switchingRule } from '../../haproxy/lookup-rules.js';
import {
  isListKind,
  kindOfRoute as kindOf,
  type MapKind,
  mapNames,
} from '../../haproxy/map-names.js';
import type { ActualFrontend, ActualMap, ActualState } from '../../actual/types.js';
import type { Settings } from '../../config/types.js';
import type { DesiredRoute } from '../../desired/types.js';
import type { JsonObject } from '../../shared/json.js';
import {
  hostLength,
  hostSample,
  lengthFits,
  lookups,
  pathSample,
  pathVariable,
  serverNameLength,
  serverNameSample,
} from '../../haproxy/expressions.js';
import { hostAndPathRegex } from './path-regex.js';

/** The desired content of our maps and our part of each frontend. */
export interface Routing {
  /** By map name without `.map`; keys to backend names. */
  readonly maps: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By frontend name. */
  readonly frontends: Readonly<Record<string, FrontendRouting>>;
}

export interface FrontendRouting {
  readonly acls: readonly JsonObject[];
  readonly rules: readonly JsonObject[];
  readonly httpRequestRules: readonly JsonObject[];
}

/**
 * In map mode, HTTP routes of the configured frontends are map entries. Routes in other frontends,
 * and routes by TLS server name, are ACLs and rules in both modes.
 */
export function planRouting(
  routes: readonly DesiredRoute[],
  { maps, frontends: existing }: Pick<ActualState, 'maps' | 'frontends'>,
  settings: Settings,
): Routing {
  const common = settings.haproxy.frontends;
  // A map that no rule reads isn't loaded, so it can't take entries.
  const readable = common.filter((name) => existing[name]?.mode === 'http');
  const isRead =
    readable.length > 0 ||
    Object.values(mapNames(settings.routing)).some((name) => maps[name]?.entries !== undefined);
  const hasMaps = settings.routing.mode === 'map' && isRead;
  const isMapped = ({ mode, frontends }: DesiredRoute): boolean =>
    hasMaps && mode === 'http' && sameNames(frontends, common);
  const inMaps = routes.filter(isMapped);
  const inRules = routes.filter((one) => !isMapped(one));
  const names = new Set([...common, ...inRules.flatMap(({ frontends }) => frontends)]);
  const lookup = mapRouting(inMaps, maps, settings);
  const frontends = [...names].sort().map((name): [string, FrontendRouting] => {
    const ruled = inRules.filter(
      (one) => one.frontends.includes(name) && fits(one, existing[name]),
    );
    const own = rulesRouting(ruled, settings);
    if (!readable.includes(name)) return [name, own];
    return [name, { ...own, ...lookup.rules, rules: [...own.rules, ...lookup.rules.rules] }];
  });
  return { maps: lookup.maps, frontends: Object.fromEntries(frontends) };
}

/** A frontend of the other mode has no Host or no TLS server name to match. */
export function fits({ mode }: DesiredRoute, frontend: ActualFrontend | undefined): boolean {
  return frontend === undefined || frontend.mode === mode;
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}

interface MapRouting {
  readonly maps: Routing['maps'];
  readonly rules: Pick<FrontendRouting, 'rules' | 'httpRequestRules'>;
}

function mapRouting(
  routes: readonly DesiredRoute[],
  maps: Readonly<Record<string, ActualMap>>,
  settings: Settings,
): MapRouting {
  const names = mapNames(settings.routing);
  const inUse = settings.routing.mode === 'map' ? kindsInUse(maps, names) : [];
  const kinds = new Set<MapKind>([...routes.map(kindOf), ...inUse]);
  const entries = new Map([...kinds].map((kind) => [kind, [] as [string, string][]]));
  for (const route of byPathLength(routes)) {
    entries.get(kindOf(route))?.push([entryKey(route), route.backend]);
  }
  const wanted = [...entries].map(([kind, own]) => [names[kind], Object.fromEntries(own)] as const);
  const rules = lookups
    .filter(({ kind }) => kinds.has(kind))
    .map(({ kind, sample }) => {
      const name = names[kind];
      return switchingRule(sample(maps[name]?.file ?? `/${name}.map`), isListKind(kind));
    });
  return { maps: Object.fromEntries(wanted), rules: { rules, httpRequestRules: pathRules(kinds) } };
}

/**
 * An existing lookup stays after its last route is gone, because removing it would cost a reload.
 */
function kindsInUse(
  maps: Readonly<Record<string, ActualMap>>,
  names: Readonly<Record<MapKind, string>>,
): MapKind[] {
  const kinds = new Set(lookups.map(({ kind }) => kind));
  return [...kinds].filter((kind) => maps[names[kind]]?.entries !== undefined);
}

function pathRules(kinds: ReadonlySet<MapKind>): readonly JsonObject[] {
  if (![...kinds].some((kind) => kind.endsWith('-path'))) return [];
  return [{ type: 'set-var', var_name: pathVariable, var_scope: 'txn', var_expr: pathSample }];
}

/** Regex maps are searched in line order: longest path first. */
function byPathLength(routes: readonly DesiredRoute[]): readonly DesiredRoute[] {
  return [...routes].sort((a, b) => (b.path?.length ?? 0) - (a.path?.length ?? 0));
}

/** A host prefix with a path isn't a string prefix, so it is looked up as a regex. */
export function entryKey({
  match,
  host,
  path,
}: Pick<DesiredRoute, 'match' | 'host' | 'path'>): string {
  if (path === undefined) return match === 'any' ? '/' : host;
  if (match === 'prefix') return `^${escapeRegex(host)}[^/]*${escapeRegex(path)}/`;
  if (match === 'regex') return hostAndPathRegex(host, path);
  return `${host}${path}/`;
}

/** The lookup order of map mode. */
function rank(route: DesiredRoute): number {
  const kind = route.match === 'wildcard' ? 'wildcard-path' : kindOf(route);
  return lookups.findIndex((lookup) => lookup.kind === kind);
}

/** The longest suffix first, with a path or not; and the longest prefix. */
function hostRank({ match, host }: DesiredRoute): number {
  return match === 'wildcard' || match === 'prefix' ? -host.length : 0;
}

function rulesRouting(routes: readonly DesiredRoute[], settings: Settings): FrontendRouting {
  const { prefix } = settings.ownership;
  const sorted = [...byPathLength(routes)].sort(
    (a, b) => rank(a) - rank(b) || hostRank(a) - hostRank(b),
  );
  const acls = new Map<string, Acl>();
  const rules = sorted.map((route) => {
    const names = aclsOf(route, prefix).map((one) => {
      acls.set(one.acl_name, one);
      return one.acl_name;
    });
    return { name: route.backend, cond: 'if', cond_test: names.join(' ') };
  });
  // Hosts whose owner is away may be closed for several patterns.
  const unique = new Map(rules.map((rule) => [`${rule.name} ${rule.cond_test}`, rule]));
  return { acls: [...acls.values()], rules: [...unique.values()], httpRequestRules: [] };
}

interface Acl extends JsonObject {
  readonly acl_name: string;
}

const hostFlags = { exact: 'str', prefix: 'beg', wildcard: 'end', regex: 'reg' } as const;

export function aclsOf({ match, host, path, mode }: DesiredRoute, prefix: string): Acl[] {
  const acls: Acl[] = [];
  if (match !== 'any') {
    const sample = mode === 'tcp' ? serverNameSample : hostSample;
    const value = match === 'wildcard' ? `.${host}` : host;
    const length = mode === 'tcp' ? serverNameLength : hostLength;
    if (match === 'regex') acls.push(acl(prefix, length, lengthFits));
    acls.push(acl(prefix, sample, `-m ${hostFlags[match]} ${value}`));
  }
  if (path !== undefined) acls.push(acl(prefix, pathSample, `-m beg ${path}/`));
  // A rule without a condition would be indistinguishable from the operator's.
  return acls.length > 0 ? acls : [acl(prefix, 'always_true', '')];
}

/** Named after what it matches, so that domains never collide and none is duplicated. */
function acl(prefix: string, criterion: string, value: string): Acl {
  const hash = createHash('sha256').update(`${criterion} ${value}`).digest('hex').slice(0, 12);
  return { acl_name: `${aclPrefix(prefix)}${hash}`, criterion, value };
}

export function aclPrefix(prefix: string): string {
  return `${prefix}_acl_`;
}
