import equal from 'fast-deep-equal';

import {
  type Domain,
  readDomains,
  routeKey,
  routesOf,
  type RouteTargetBackend,
} from './domains.js';
import { firstOfEach } from './first-of-each.js';
import type { Offer } from './offers.js';
import { applicableTags, tagWarnings } from './tag-scope.js';
import type { TagSet } from './tag-sets.js';
import { type InvalidTag, type ParsedTags, parseTags } from './tags.js';
import { oneLine } from '../shared/text.js';
import type { DesiredRoute, DesiredWarning } from './types.js';
import { type TagName, tagNames, tagRows, type Tags } from './vocabulary.js';

/** The tags of all that offer one service, as one. */
export interface ServiceTags {
  readonly tags: Tags;
  readonly domains: readonly Domain[];
  readonly invalid: readonly OwnedInvalidTag[];
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

/** Each set's own mean something; a service has one of all others, and the first set's counts. */
const joined: readonly TagName[] = ['domains', 'domainType', 'paths', 'frontends'];

/** Routes are those of all sets together; what a backend can have only one of is the first set's. */
export function serviceTags({ tagSets }: Offer, prefix: string): ServiceTags {
  const [lead, ...others] = tagSets;
  const first = readSet(lead, prefix);
  const sets = [first, ...others.map((set) => readSet(set, prefix))];
  const { mode, backend } = first.parsed.tags;
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
    invalid: sets.flatMap(({ set: { jobId }, parsed, invalid }) =>
      [...parsed.invalid, ...invalid].map((one) => ({ ...one, jobId })),
    ),
    routes: (to) =>
      joinRoutes(
        sets.flatMap(({ parsed, domains }) =>
          routesOf(applicableTags({ ...parsed.tags, mode }), domains, to),
        ),
      ),
    warnings: (service) => [
      ...firstOfEach(
        sets.flatMap(({ parsed }) =>
          tagWarnings(service, prefix, { ...parsed, tags: { ...parsed.tags, mode, backend } }),
        ),
        ({ message }) => message,
      ),
      ...differences(sets, prefix).map((message): DesiredWarning => {
        return { service, code: 'tags-differ', message };
      }),
    ],
  };
}

function readSet(set: TagSet, prefix: string): ReadSet {
  const parsed = parseTags(prefix, set.tags);
  return { set, parsed, ...readDomains(applicableTags(parsed.tags), prefix) };
}

/** One route for each thing that is asked for, in every frontend that one of them names. */
function joinRoutes(routes: readonly DesiredRoute[]): readonly DesiredRoute[] {
  const byKey = new Map<string, DesiredRoute>();
  for (const route of routes) {
    const known = byKey.get(routeKey(route));
    const frontends = [...new Set([...(known?.frontends ?? []), ...route.frontends])].sort();
    byKey.set(routeKey(route), { ...route, frontends });
  }
  return [...byKey.values()];
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

/** As given; without the tag, what holds then. */
function shown(name: TagName, { parsed }: ReadSet): string {
  const given = parsed.given[name] ?? [];
  return given.length === 0 ? tagRows[name].fallback : oneLine(given.join(', '), 80);
}

function ownerOf({ jobId, group }: TagSet): string {
  return group === '' ? `job ${jobId}` : `job ${jobId}, group ${group}`;
}
