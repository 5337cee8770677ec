import type { ActualFrontend, ActualState } from '../../actual/types.js';
import type { Settings } from '../../config/types.js';
import type { DesiredRoute } from '../../desired/types.js';
import { lookups } from '../../haproxy/expressions.js';
import { lookupMap } from '../../haproxy/lookup-rules.js';
import { kindOfRoute, type MapKind, mapNames, sharedMap } from '../../haproxy/map-names.js';
import { textAt } from '../../shared/json.js';
import { ownEntries } from './owned-entries.js';
import type { PlanInput } from './input.js';
import { hostOfPathRegex } from './path-regex.js';
import { aclPrefix, entryKey } from './routes.js';

/** A route as HAProxy has it. */
export type StandingRoute = Omit<DesiredRoute, 'service'>;

type Match = Pick<DesiredRoute, 'match' | 'host' | 'path'>;

/**
 * Our routes in HAProxy, read back from the entries of our maps and from the rules with our ACLs, in
 * the order in which HAProxy asks them. An entry or a rule that no route has is none.
 */
export function standingRoutes(input: PlanInput): readonly StandingRoute[] {
  const { actual, settings } = input;
  const ruled = Object.values(actual.frontends).flatMap((one) => ruledRoutes(one, settings));
  return [...together(ruled), ...mappedRoutes(input)];
}

function mappedRoutes(input: PlanInput): readonly StandingRoute[] {
  const { actual, settings } = input;
  const names = mapNames(settings.routing);
  const shared = sharedMap(settings.routing);
  const isOurs = ownEntries(input);
  const read = readMaps(actual);
  const frontends = [...settings.haproxy.frontends].sort();
  const kinds = new Set(lookups.map(({ kind }) => kind));
  return [...kinds].flatMap((kind) => {
    const name = names[kind];
    const { entries, stored = {} } = actual.maps[name] ?? {};
    // A file that nothing reads routes nothing.
    if (entries === undefined && !read.has(name)) return [];
    const present = name === shared ? { ...stored, ...entries } : (entries ?? stored);
    return Object.entries(present)
      .filter(([key, backend]) => name !== shared || isOurs(key, backend))
      .flatMap(([key, backend]): StandingRoute[] => {
        const match = matchOfKey(kind, key);
        if (match === undefined) return [];
        return [{ ...match, mode: 'http', frontends, backend }];
      });
  });
}

function readMaps({ frontends }: Pick<ActualState, 'frontends'>): ReadonlySet<string> {
  const rules = Object.values(frontends).flatMap((one) => one.rules);
  return new Set(rules.flatMap((rule) => lookupMap(rule)?.name ?? []));
}

/** What an entry of a map of this kind matches; undefined: no route has this key. */
function matchOfKey(kind: MapKind, key: string): Match | undefined {
  const isKey = (one: Match | undefined): boolean =>
    one !== undefined && kindOfRoute(one) === kind && entryKey(one) === key;
  return candidates(kind, key).find(isKey);
}

function candidates(kind: MapKind, key: string): readonly (Match | undefined)[] {
  const [match, withPath] = kind.split('-') as [DesiredRoute['match'], 'path'?];
  if (withPath === undefined) return [{ match, host: key }];
  if (match === 'prefix' || match === 'regex') return hostOfPathRegex(match, key);
  const at = key.indexOf('/');
  return [{ match, host: key.slice(0, at), path: key.slice(at, -1) }];
}

const hostOfFlag = { str: 'exact', beg: 'prefix', end: 'wildcard', reg: 'regex' } as const;

function ruledRoutes({ name, mode, acls, rules }: ActualFrontend, settings: Settings) {
  const prefix = aclPrefix(settings.ownership.prefix);
  const values = new Map(acls.map((acl) => [textAt(acl, 'acl_name'), textAt(acl, 'value')]));
  return rules.flatMap((rule): StandingRoute[] => {
    const tests = textAt(rule, 'cond_test')
      .split(/\s+/)
      .filter((word) => word !== '');
    const isOurs = tests.length > 0 && tests.every((one) => one.startsWith(prefix));
    if (!isOurs || textAt(rule, 'cond') !== 'if') return [];
    const match = matchOfAcls(tests.map((one) => values.get(one)));
    if (match === undefined || (mode !== 'http' && mode !== 'tcp')) return [];
    return [{ ...match, mode, frontends: [name], backend: textAt(rule, 'name') }];
  });
}

/** Values like `-m str x.io` and `-m beg /api/`; other ACLs only keep the host's length in bounds. */
function matchOfAcls(values: readonly (string | undefined)[]): Match | undefined {
  let match: Match = { match: 'any', host: '' };
  for (const value of values) {
    if (value === undefined) return undefined;
    const [, flag, text = ''] = /^-m (str|beg|end|reg) (\S+)$/.exec(value) ?? [];
    if (flag === undefined) continue;
    if (text.startsWith('/')) match = { ...match, path: text.slice(0, -1) };
    else {
      const host = flag === 'end' ? text.replace(/^\./, '') : text;
      match = { ...match, match: hostOfFlag[flag as keyof typeof hostOfFlag], host };
    }
  }
  return match;
}

/** The same route in several frontends is one. */
function together(routes: readonly StandingRoute[]): readonly StandingRoute[] {
  const known = new Map<string, StandingRoute>();
  for (const route of routes) {
    const { frontends, ...rest } = route;
    const key = JSON.stringify(Object.entries(rest).sort());
    const before = known.get(key)?.frontends ?? [];
    known.set(key, { ...route, frontends: [...new Set([...before, ...frontends])].sort() });
  }
  return [...known.values()];
}
