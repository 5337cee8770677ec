import type { Settings } from '../config/types.js';
import { parseDomain } from '../desired/domains.js';
import type { DesiredRoute } from '../desired/types.js';
import { claimKey } from '../desired/claims.js';
import type { ClaimTimes } from '../haproxy/claims-record.js';
import type { HostMatch } from '../haproxy/map-names.js';
import { optsIn, splitTag } from '../observe/catalog/model/tags.js';
import type { CatalogService } from '../observe/types.js';
import { own } from './own.js';
import { matchesHost, matchesPath, routeText } from './query.js';
import type { Request } from './request.js';
import { labelOf } from './service.js';
import type { ClaimExplained, Seen } from './types.js';

/** A route that a service asks for in its tags. */
export type Asked = Pick<DesiredRoute, 'match' | 'host' | 'path'>;

/**
 * The domains for this host in some tags, with all their paths, whatever becomes of them. Anybody may
 * write any number of tags, so of more than the limits allow, the first ones.
 */
export function askedIn(
  tags: readonly string[],
  request: Request,
  { tags: { prefix }, limits }: Settings,
): readonly Asked[] {
  const parts = tags
    .filter((tag) => tag.length <= limits.tagBytes)
    .flatMap((tag) => splitTag(prefix, tag) ?? [])
    .slice(0, limits.tagsPerService);
  const values = (key: string, most: number): readonly string[] =>
    parts
      .filter((one) => one.key === key)
      .slice(0, most)
      .map(({ value }) => value);
  const type = typeOf(values('domain.type', 1)[0]);
  const most = type === 'regex' ? limits.regexesPerService : limits.domainsPerService;
  const domains = values('domain', most)
    .filter((raw) => mayMatch(raw.toLowerCase(), type, request))
    .flatMap((raw) => parseDomain(raw, type) ?? [])
    .filter((domain) => matchesHost(domain, request));
  if (domains.length === 0) return [];
  const paths = new Set(
    values('path', limits.pathsPerService).map((path) => path.replace(/\/+$/, '')),
  );
  const hosts = new Map(domains.map((one) => [`${one.match} ${one.host}`, one]));
  return [...hosts.values()].flatMap((domain): Asked[] =>
    paths.size === 0
      ? [domain]
      : [...paths].map((path) => ({ ...domain, ...(path === '' ? {} : { path }) })),
  );
}

/** Parsing each domain of thousands of services takes longer than comparing them as they are. */
function mayMatch(text: string, type: Exclude<HostMatch, 'any'>, { host }: Request): boolean {
  if (text.startsWith('*.')) return host.endsWith(text.slice(1));
  switch (type) {
    case 'exact':
      return host === text;
    case 'wildcard':
      return host.endsWith(text);
    case 'prefix':
      return host.startsWith(text);
    case 'regex':
      return true;
  }
}

function typeOf(value: string | undefined): Exclude<HostMatch, 'any'> {
  const given = value?.toLowerCase();
  return given === 'prefix' || given === 'wildcard' || given === 'regex' ? given : 'exact';
}

/** Tags of its instances and of its jobs' service blocks, which are mostly the same. */
export function tagsOf({ instances, declarations }: CatalogService): readonly string[] {
  const [first = [], ...others] = [...instances, ...declarations].map(({ tags }) => tags);
  const different = others.filter(
    (tags) => tags.length !== first.length || tags.some((tag, at) => tag !== first[at]),
  );
  return different.length === 0 ? first : [...new Set([first, ...different].flat())];
}

/** Who wants the host, owners of the request's path first, then those of other paths. */
export function claimsOn(request: Request, seen: Seen): readonly ClaimExplained[] {
  const owned = ownedClaims(request, seen);
  const ownedBy = new Set(owned.map(({ service, route }) => `${service} ${route}`));
  const others = [...askingClaims(request, seen), ...notEnabled(request, seen)].filter(
    ({ service, route }) => !ownedBy.has(`${service} ${route}`),
  );
  const known = new Set([...owned, ...others].map(({ service }) => service));
  const gone = goneClaims(request, seen).filter(({ service }) => !known.has(service));
  return [...owned, ...others, ...gone];
}

function ownedClaims(request: Request, { picture, ...seen }: Seen): readonly ClaimExplained[] {
  const rank = (route: DesiredRoute): number => (matchesPath(route, request) ? 0 : 1);
  return picture.desired.routes
    .filter((route) => route.match !== 'any' && matchesHost(route, request))
    .sort((a, b) => rank(a) - rank(b) || byPrecedence(a, b))
    .map((route) => {
      const since = sinceOf(route.service, route, { picture, ...seen });
      const { service, match } = route;
      const text = routeText(route);
      const onPath = matchesPath(route, request);
      const claim = { service, route: text, match, state: 'owns', onPath } as const;
      return since === undefined ? claim : { ...claim, since: since.since };
    });
}

const order: readonly HostMatch[] = ['exact', 'wildcard', 'prefix', 'regex', 'any'];

/** HAProxy's order: exact, wildcard, prefix, regex; the longest host, then the longest path. */
export function byPrecedence(a: Asked, b: Asked): number {
  return (
    order.indexOf(a.match) - order.indexOf(b.match) ||
    b.host.length - a.host.length ||
    (b.path ?? '').length - (a.path ?? '').length
  );
}

function sinceOf(
  service: string,
  asked: Asked,
  { picture, settings }: Seen,
): ClaimTimes | undefined {
  const at = service.indexOf('/');
  if (service.startsWith('file:') || at <= 0) return undefined;
  const id = {
    source: 'nomad',
    namespace: service.slice(0, at),
    name: service.slice(at + 1),
  } as const;
  const { frontends } = settings.haproxy;
  const modes = ['http', 'tcp'] as const;
  return modes
    .map((mode) => claimKey(id, { ...asked, mode, frontends, backend: '', service }))
    .flatMap((key) => own(picture.desired.claims, key) ?? [])[0];
}

/** Services whose tags ask for it. */
function askingClaims(request: Request, seen: Seen): readonly ClaimExplained[] {
  const { catalog, desired } = seen.picture;
  return [...catalog.services, ...(catalog.unreadable ?? [])].flatMap((one) => {
    const asked = askedIn(tagsOf(one), request, seen.settings);
    if (asked.length === 0) return [];
    const service = labelOf(one);
    return asked.map((each): ClaimExplained => {
      const since = sinceOf(service, each, seen);
      const why = whyNot(service, each, seen);
      const isSkipped = desired.skipped.some((skip) => skip.service === service);
      return {
        ...{ service, route: routeText(each), match: each.match },
        state: isSkipped && why?.code !== 'domain-claimed' ? 'skipped' : 'lost',
        onPath: matchesPath(each, request),
        ...(since === undefined ? {} : { since: since.since }),
        ...(why === undefined ? {} : { why: why.text }),
      };
    });
  });
}

function whyNot(
  service: string,
  { host }: Asked,
  { picture }: Seen,
): { readonly code: string; readonly text: string } | undefined {
  const { skipped, warnings } = picture.rest;
  const skip = skipped.find((one) => one.service === service);
  if (skip !== undefined) return { code: skip.code, text: skip.reason };
  const warning = warnings.find(
    (one) =>
      one.service === service &&
      (one.code === 'domain-claimed' || one.code === 'policy') &&
      one.message.includes(host),
  );
  return warning && { code: warning.code, text: warning.message };
}

/** Services that ask for it and didn't opt in. */
function notEnabled(request: Request, seen: Seen): readonly ClaimExplained[] {
  const { registered = [], settings, picture } = seen;
  if (registered.length === 0) return [];
  const known = new Set(picture.catalog.services.map(labelOf));
  return registered.flatMap((one) => {
    const service = labelOf(one);
    if (known.has(service)) return [];
    return askedIn(one.tags, request, settings).map((each): ClaimExplained => ({
      ...{ service, route: routeText(each), match: each.match, state: 'not-enabled' },
      onPath: matchesPath(each, request),
      why: notEnabledText(one.tags, settings.tags.prefix),
    }));
  });
}

export function notEnabledText(tags: readonly string[], prefix: string): string {
  const enable = tags.find((tag) => splitTag(prefix, tag)?.key === 'enable');
  if (enable === undefined) return `it has no tag ${prefix}.enable=true`;
  return optsIn(tags, prefix) ? `its tag is ${enable}` : `its tag says ${enable.trim()}`;
}

/** Services that had it, and that Nomad has no more. */
function goneClaims(request: Request, { picture }: Seen): readonly ClaimExplained[] {
  return Object.entries(picture.desired.claims ?? {}).flatMap(([key, { since }]) => {
    const [kind, label = '', , match = '', host = '', path = ''] = key.split('|');
    if (kind !== 'route' || !order.includes(match as HostMatch) || match === 'any') return [];
    const asked = { match: match as HostMatch, host, ...(path === '' ? {} : { path }) };
    if (!matchesHost(asked, request)) return [];
    const service = decodedLabel(label);
    const onPath = matchesPath(asked, request);
    return [{ service, route: routeText(asked), match, state: 'gone' as const, onPath, since }];
  });
}

/** A service's name in the record of claims. */
export function decodedLabel(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
