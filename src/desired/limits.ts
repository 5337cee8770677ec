import type { LimitSettings } from '../config/types.js';
import { isListKind, kindOfRoute } from '../haproxy/map-names.js';
import type { CatalogInstance } from '../observe/types.js';
import { isLeaving } from '../observe/catalog/model/allocation.js';
import { compareText } from '../shared/compare.js';
import { type OwnTags, ownTags } from '../observe/catalog/model/tags.js';
import { serviceLabel, shortHash, type ServiceId } from '../haproxy/names.js';
import { longestHost, regexSteps } from './regex.js';
import type { LimitName } from './limit-names.js';
import type { DesiredRoute, Endpoint, Skipped } from './types.js';

/** A limit that a service exceeds. */
export interface Excess {
  readonly limit: LimitName;
  /** For people, without the service: `600 domains; limits.domains_per_service is 500`. */
  readonly reason: string;
}

export function excess(limit: LimitName, what: string, most: number): Excess {
  return { limit, reason: `${what}; limits.${limit} is ${most}` };
}

/** The oldest instances, up to the limit, so that planning a service has a bound. */
export function oldestInstances(
  instances: readonly CatalogInstance[],
  { serversPerBackend: most }: LimitSettings,
): { readonly some: readonly CatalogInstance[]; readonly excess?: Excess } {
  const live = instances.filter(({ allocation }) => !isLeaving(allocation));
  if (live.length <= most && instances.length <= 2 * most) return { some: instances };
  const oldest = (live.length > most ? [...live] : [...instances])
    .sort((a, b) => a.createIndex - b.createIndex || compareText(a.id, b.id))
    .slice(0, most);
  const over = excess('servers_per_backend', `${instances.length} instances`, most);
  return { some: oldest, excess: over };
}

export interface NameBudget {
  /** The name, or what stands for one that is too long: it is written nowhere, and compared as a short one. */
  readonly short: (what: string, name: string) => string;
  readonly excess: () => Excess | undefined;
}

/** Nomad takes IDs of jobs and names of task groups of any length. */
export function nameBudget({ nameBytes: most }: LimitSettings): NameBudget {
  let over: Excess | undefined;
  return {
    short: (what, name) => {
      // A character has three bytes at most.
      if (3 * name.length <= most) return name;
      const bytes = Buffer.byteLength(name);
      if (bytes <= most) return name;
      over ??= excess('name_bytes', `${what} of ${bytes} bytes`, most);
      return `${name.slice(0, 32)} ${shortHash(name)}`;
    },
    excess: () => over,
  };
}

export interface TagBudget {
  /** Only as many as the limits allow. */
  readonly read: (tags: readonly string[]) => OwnTags;
  readonly excess: () => Excess | undefined;
}

/** Of all lists: those that differ have to be read, and repeats still have to be compared. */
const mostDifferent = 8;
const mostRepeats = 32;
/** What a tag costs however short it is, in bytes. */
const perTag = 8;

const unread: OwnTags = { own: [], isOffered: false };

/**
 * The tags of one service that are read. Lists that are alike count once, and become one list. A
 * service over a limit is still read up to it, so that it keeps the claims of these tags. Nothing
 * limits how many jobs offer one service, so beyond the budget a list isn't even looked at.
 */
export function tagBudget(prefix: string, limits: LimitSettings): TagBudget {
  const lists = new Map<string, OwnTags>();
  const owns = new Map<string, readonly string[]>();
  let different = 0;
  let repeats = 0;
  let count = 0;
  let bytes = 0;
  let isFull = false;
  let over: Excess | undefined;

  function fits(tag: string): boolean {
    const size = Buffer.byteLength(tag);
    if (size > limits.tagBytes) {
      over ??= excess('tag_bytes', `a tag of ${size} bytes`, limits.tagBytes);
      return false;
    }
    isFull = count + 1 > limits.tagsPerService || bytes + size > limits.tagsBytes;
    if (count + 1 > limits.tagsPerService) {
      over ??= excess('tags_per_service', 'too many tags', limits.tagsPerService);
      return false;
    }
    if (isFull) {
      over ??= excess('tags_bytes', 'too many bytes of tags', limits.tagsBytes);
      return false;
    }
    count += 1;
    bytes += size;
    return true;
  }

  function within(ours: readonly string[]): readonly string[] {
    const key = ours.join('\n');
    const known = owns.get(key);
    if (known !== undefined) return known;
    const own: string[] = [];
    for (const tag of ours) {
      // Once there are too many, the rest isn't looked at.
      if (isFull || (over !== undefined && own.length > 0)) break;
      if (fits(tag)) own.push(tag);
    }
    owns.set(key, own);
    return own;
  }

  function parse(tags: readonly string[]): OwnTags {
    const { own, isOffered } = ownTags(tags, prefix);
    return isOffered ? { own: within(own), isOffered } : unread;
  }

  function isSpent(): boolean {
    return different > mostDifferent * limits.tagsBytes || repeats > mostRepeats * limits.tagsBytes;
  }

  return {
    read: (tags) => {
      if (isSpent()) {
        over ??= excess('tags_bytes', 'too many bytes of tags in all groups', limits.tagsBytes);
        return unread;
      }
      const key = tags.join('\n');
      const size = key.length + perTag * tags.length;
      const known = lists.get(key);
      if (known === undefined) different += size;
      else repeats += size;
      const list = known ?? parse(tags);
      lists.set(key, list);
      return list;
    },
    excess: () => over,
  };
}

/** Whether it is an expression, which HAProxy searches one after the other. */
export function isSearched(route: DesiredRoute): boolean {
  return isListKind(kindOfRoute(route));
}

/** The expressions HAProxy would search for these routes. */
export function regexCount(routes: readonly DesiredRoute[]): number {
  return routes.filter(isSearched).length;
}

/** The steps that the worst host costs, see `regexSteps`. */
export function stepCount(routes: readonly DesiredRoute[]): number {
  const steps = ({ match, host, path = '' }: DesiredRoute): number => {
    const ofHost = match === 'regex' ? regexSteps(host) : host.length;
    return ofHost + (path === '' ? 0 : longestHost + path.length);
  };
  return routes.filter(isSearched).reduce((sum, route) => sum + steps(route), 0);
}

export interface RouteCounts {
  readonly domains: number;
  readonly regexDomains: number;
  readonly paths: number;
  /** Up to one more than the limit. */
  readonly routes: readonly DesiredRoute[];
}

export function routeExcess(
  { domains, regexDomains, paths, routes }: RouteCounts,
  limits: LimitSettings,
): Excess | undefined {
  const { domainsPerService, pathsPerService, routesPerService, regexesPerService } = limits;
  if (domains > domainsPerService) {
    return excess('domains_per_service', `${domains} domains`, domainsPerService);
  }
  if (paths > pathsPerService)
    return excess('paths_per_service', `${paths} paths`, pathsPerService);
  if (routes.length > routesPerService) {
    return excess('routes_per_service', 'too many routes', routesPerService);
  }
  const regexes = Math.max(regexDomains, regexCount(routes));
  if (regexes <= regexesPerService) return undefined;
  return excess('regexes_per_service', `${regexes} regular expressions`, regexesPerService);
}

/** Instances that serve, or that the job asks for. Spare servers are cut to the limit instead. */
export function serverExcess(
  endpoints: readonly Endpoint[],
  declared: number,
  { serversPerBackend }: LimitSettings,
): Excess | undefined {
  const present = endpoints.filter(({ phase }) => phase !== 'drain').length;
  const instances = Math.max(present, declared);
  if (instances <= serversPerBackend) return undefined;
  return excess('servers_per_backend', `${instances} instances`, serversPerBackend);
}

export function limitSkip(id: ServiceId, { limit, reason }: Excess, backend?: string): Skipped {
  const service = serviceLabel(id);
  return {
    ...{ service, code: 'limit-exceeded', limit, reason: `service ${service}: ${reason}` },
    ...(backend === undefined ? {} : { backend }),
  };
}
