import equal from 'fast-deep-equal';

import {
  type Domain,
  parseDomain,
  readDomains,
  routeKey,
  routesOf,
  type RouteTargetBackend,
} from './domains.js';
import type { LimitSettings } from '../config/types.js';
import { firstOfEach } from './first-of-each.js';
import type { Offer } from './offers.js';
import { applicableTags, tagWarnings } from './tag-scope.js';
import type { TagSet } from './tag-sets.js';
import { type InvalidTag, type ParsedTags, type TagParser, tagParser } from './tags.js';
import { oneLine } from '../shared/text.js';
import type { DesiredRoute, DesiredWarning } from './types.js';
import { type TagName, tagNames, tagRows, type Tags } from './vocabulary.js';

/** Merges the tags of all jobs and groups that offer a service. */
export interface ServiceTags {
  readonly tags: Tags;
  readonly domains: readonly Domain[];
  /** Also those that are not read because there are too many. */
  readonly regexDomains: number;
  readonly invalid: readonly OwnedInvalidTag[];
  /** Up to one more than the limit. */
  readonly routes: (to: RouteTargetBackend) => readonly DesiredRoute[];
  readonly warnings: (service: string) => readonly DesiredWarning[];
}

export interface OwnedInvalidTag extends InvalidTag {
  readonly jobId: string;
}

interface ReadSet {
  readonly set: TagSet;
  readonly parsed: ParsedTags;
  readonly domains: readonly Domain[];
  readonly invalid: readonly InvalidTag[];
}

/** Tags that are read per set. For all others, the first set's value counts. */
const joined: readonly TagName[] = ['domains', 'domainType', 'paths', 'frontends'];

/** Routes are merged from all sets. What a backend has only one of comes from the first set. */
export function serviceTags(
  { tagSets }: Offer,
  prefix: string,
  limits: LimitSettings,
  parse: TagParser = tagParser(prefix),
): ServiceTags {
  const [lead, ...others] = tagSets;
  const regexes = regexReader(limits.regexesPerService + 1);
  const read = (set: TagSet): ReadSet => readSet(set, parse(set.tags), prefix, limits, regexes);
  const first = read(lead);
  const sets = [first, ...others.map(read)];
  return {
    tags: applicableTags({
      ...first.parsed.tags,
      domains: firstOfEach(
        sets.flatMap(({ parsed }) => parsed.tags.domains),
        String,
      ),
      paths: firstOfEach(
        sets.flatMap(({ parsed }) => parsed.tags.paths),
        String,
      ),
    }),
    domains: firstOfEach(
      sets.flatMap((one) => one.domains),
      ({ match, host }) => `${match} ${host}`,
    ),
    regexDomains: new Set(
      sets
        .filter(({ parsed }) => parsed.tags.domainType === 'regex')
        .flatMap(({ parsed }) => parsed.tags.domains),
    ).size,
    invalid: sets.flatMap(({ set: { jobId }, parsed, invalid }) =>
      [...parsed.invalid, ...invalid].map((one) => ({ ...one, jobId })),
    ),
    routes: (to) =>
      joinRoutes(
        sets.map(({ parsed, domains }) =>
          routesOf(applicableTags(inForce(parsed.tags, first)), domains, to),
        ),
        limits.routesPerService + 1,
      ),
    warnings: (service) => [
      ...firstOfEach(
        sets.flatMap(({ parsed }) =>
          tagWarnings(service, prefix, { ...parsed, tags: inForce(parsed.tags, first) }),
        ),
        ({ message }) => message,
      ),
      ...differences(sets, prefix).map((message): DesiredWarning => {
        return { service, code: 'tags-differ', message };
      }),
    ],
  };
}

/** The first set's mode and kind of backend are those of all. */
function inForce(tags: Tags, { parsed }: ReadSet): Tags {
  const { mode, backend } = parsed.tags;
  const isSame = tags.mode === mode && tags.backend === backend;
  return isSame ? tags : { ...tags, mode, backend };
}

function readSet(
  set: TagSet,
  parsed: ParsedTags,
  prefix: string,
  limits: LimitSettings,
  regexes: RegexReader,
): ReadSet {
  const tags = applicableTags(parsed.tags);
  if (tags.domainType !== 'regex') {
    return { set, parsed, ...readDomains(tags, prefix, limits.domainsPerService + 1) };
  }
  const domains = tags.domains.filter(regexes.fits);
  return { set, parsed, ...readDomains({ ...tags, domains }, prefix, Infinity, regexes.parse) };
}

interface RegexReader {
  readonly fits: (raw: string) => boolean;
  readonly parse: typeof parseDomain;
}

/** An expression is dear to judge: each is judged once, and no more than the service may have. */
function regexReader(most: number): RegexReader {
  const known = new Map<string, Domain | undefined>();
  return {
    fits: (raw) => {
      if (known.has(raw)) return true;
      if (known.size >= most) return false;
      known.set(raw, parseDomain(raw, 'regex'));
      return true;
    },
    parse: (raw) => known.get(raw),
  };
}

/** One route per match, in every frontend that any set names for it. */
function joinRoutes(
  sets: readonly Iterable<DesiredRoute>[],
  most: number,
): readonly DesiredRoute[] {
  const byKey = new Map<string, DesiredRoute>();
  for (const route of chained(sets)) {
    const key = routeKey(route);
    const known = byKey.get(key);
    if (known === undefined && byKey.size === most) break;
    if (known === undefined) byKey.set(key, route);
    else {
      const frontends = [...new Set([...known.frontends, ...route.frontends])].sort();
      byKey.set(key, { ...route, frontends });
    }
  }
  return [...byKey.values()];
}

function* chained<T>(lists: readonly Iterable<T>[]): Generator<T> {
  for (const list of lists) yield* list;
}

function differences([first, ...others]: readonly ReadSet[], prefix: string): readonly string[] {
  if (first === undefined) return [];
  const messages = others.flatMap((other) =>
    tagNames
      .filter((name) => !joined.includes(name) && !tagRows[name].perInstance)
      .filter((name) => differs(name, first, other))
      .map((name) => {
        const [used, not] = [first, other].map(
          (one) => `${shown(name, one)} of ${ownerOf(one.set)}`,
        );
        return `tag ${prefix}.${tagRows[name].key} differs: ${used} is used, not ${not}`;
      }),
  );
  return [...new Set(messages)];
}

function differs(name: TagName, a: ReadSet, b: ReadSet): boolean {
  return (
    !equal(a.parsed.tags[name], b.parsed.tags[name]) &&
    shown(name, a).toLowerCase() !== shown(name, b).toLowerCase()
  );
}

/** The value as given, or the default. */
function shown(name: TagName, { parsed }: ReadSet): string {
  const given = parsed.given[name] ?? [];
  return given.length === 0 ? tagRows[name].fallback : oneLine(given.join(', '), 80);
}

function ownerOf({ jobId, group }: TagSet): string {
  return group === '' ? `job ${jobId}` : `job ${jobId}, group ${group}`;
}
