import { openPolicy } from '../../config/policy.js';
import { listedSet, overlap, type HostSet } from '../../desired/host-sets.js';
import type { HostMatch, MapKind } from '../../haproxy/map-names.js';
import { mapNames } from '../../haproxy/map-names.js';
import { textAt, type JsonObject } from '../../shared/json.js';
import type { PlanInput } from './input.js';
import { standingOf } from './skipped.js';

/** What the policy takes from skipped services, whose routes stay otherwise. */
export interface TakenRoutes {
  readonly entry: (map: string, key: string, value: string) => boolean;
  /** A rule of a frontend, and the frontend's ACLs. */
  readonly rule: (rule: JsonObject, frontend: RuledFrontend) => boolean;
}

interface RuledFrontend {
  readonly name: string;
  readonly acls: readonly JsonObject[];
}

const hostOfAcl = { str: 'exact', beg: 'prefix', end: 'wildcard', reg: 'regex' } as const;

/** The tags of such a service may be the invalid ones, so the hosts are those that HAProxy has. */
export function takenRoutes({ actual, desired, settings }: PlanInput): TakenRoutes {
  const { reservedDomains, protectedFrontends } = settings.policy ?? openPolicy;
  const places = new Set(
    standingOf(actual.backends, desired)
      .filter(({ service }) => !service.startsWith('file:'))
      .map(({ backend }) => backend.name),
  );
  const listed = reservedDomains.map(listedSet);
  const isReserved = (set: HostSet): boolean => listed.some((one) => overlap(set, one));
  const matches = matchOfMaps(mapNames(settings.routing));
  const closed = protectedFrontends.filter((name) => !settings.haproxy.frontends.includes(name));
  return {
    entry: (map, key, value) => {
      const match = matches[map];
      if (match === undefined || !places.has(value)) return false;
      return isReserved(match === 'any' ? { match, host: '' } : hostOfKey(match, key));
    },
    rule: (rule, { name, acls }) => {
      if (!places.has(textAt(rule, 'name'))) return false;
      if (closed.includes(name)) return true;
      const words = textAt(rule, 'cond_test').split(/\s+/);
      return acls
        .filter((acl) => words.includes(textAt(acl, 'acl_name')))
        .flatMap((acl) => hostsOfAcl(textAt(acl, 'value')))
        .some(isReserved);
    },
  };
}

function matchOfMaps(names: ReturnType<typeof mapNames>): Readonly<Record<string, HostMatch>> {
  const kinds: Readonly<Record<MapKind, HostMatch>> = {
    ...{ exact: 'exact', prefix: 'prefix', wildcard: 'wildcard', regex: 'regex' },
    ...{ 'exact-path': 'exact', 'prefix-path': 'regex', 'wildcard-path': 'wildcard' },
    ...{ 'regex-path': 'regex', 'any-path': 'any' },
  };
  return Object.fromEntries(
    Object.entries(kinds).map(([kind, match]) => [names[kind as MapKind], match]),
  );
}

/** Without its path, which begins at the first slash. */
function hostOfKey(match: HostMatch, key: string): HostSet {
  if (match !== 'regex') return { match, host: key.split('/')[0] ?? '' };
  // With a path, host and path are one expression: what it matches can't be told, so it may be all.
  return key.includes('/') ? { match: 'any', host: '' } : { match, host: key };
}

function hostsOfAcl(value: string): readonly HostSet[] {
  const [, kind, text = ''] = /^-m (str|beg|end|reg) (\S+)$/.exec(value) ?? [];
  if (kind === undefined || text.startsWith('/')) return [];
  const match = hostOfAcl[kind as keyof typeof hostOfAcl];
  return [{ match, host: match === 'wildcard' ? text.replace(/^\./, '') : text }];
}
