import { compareText } from '../shared/compare.js';
import type { Settings } from '../config/types.js';
import type { JsonObject } from '../shared/json.js';
import { checkServerFields, checkSummary, serverCheckSummary } from './check-section.js';
import type { Check } from './checks.js';
import { type Domain, readDomains, routesOf } from './domains.js';
import { originsOf } from './origins.js';
import { unusable } from './endpoints.js';
import { backendName, serviceLabel, shortHash } from '../haproxy/names.js';
import type { Offer } from './offers.js';
import { dynamicSection } from './section.js';
import { type CheckedMember, type ServiceCheck, serviceCheck } from './service-check.js';
import { applicableTags, tagWarnings } from './tag-scope.js';
import { type InvalidTag, type ParsedTags, parseTags } from './tags.js';
import { oneLine } from '../shared/text.js';
import type { DesiredBackend, DesiredRoute, DesiredWarning, Endpoint, Skipped } from './types.js';
import { checkHost } from './values.js';
import type { Tags } from './vocabulary.js';

/** What one service wants, before it is known who else wants the same. */
export interface ServicePlan {
  readonly offer: Offer;
  readonly backend: DesiredBackend;
  readonly routes: readonly DesiredRoute[];
  readonly warnings: readonly DesiredWarning[];
  readonly skipped?: Skipped;
}

/** Undefined: the service is to be left alone. */
export function planService(offer: Offer, settings: Settings): ServicePlan | undefined {
  const parsed = parseTags(settings.tags.prefix, offer.tags);
  if (parsed.tags.backend === 'static') return undefined;
  const service = serviceLabel(offer.id);
  const members = usableMembers(offer, parsed, settings);
  const tags = withCanaryHeader(applicableTags(parsed.tags), members.usable);
  const { domains, invalid } = readDomains(tags, settings.tags.prefix);
  const check = serviceCheck({
    members: members.usable.length > 0 ? members.usable : members.all,
    tags,
    declared: offer.declaredChecks,
    defaults: settings.checks,
    host: defaultHost(offer, domains),
  });
  const content = backendContent(offer, tags, check, settings);
  const frontends = settings.haproxy.frontends;
  const routes = routesOf(tags, domains, { backend: content.name, service, frontends });
  const skipped = skip(offer, content.name, [...parsed.invalid, ...invalid]);
  return {
    offer,
    backend: {
      ...content,
      ...checkMaps(check),
      ...(tags.canaryHeader === undefined ? {} : { canaries: canariesOf(members.usable) }),
      endpoints: members.usable.map((one) => endpointOf(one, tags, check.checks)).sort(byId),
      expected: offer.declaredCount,
      origins: originsOf(tags, check.merged.check.spec),
      strategy: tags.backendStrategy ?? settings.haproxy.backendStrategy,
      fingerprint: fingerprintOf(content, routes),
    },
    routes,
    warnings: [
      ...tagWarnings(service, settings.tags.prefix, parsed),
      ...members.warnings,
      ...checkWarnings(service, check),
    ],
    ...(skipped === undefined ? {} : { skipped }),
  };
}

type Content = Omit<
  DesiredBackend,
  'endpoints' | 'expected' | 'strategy' | 'fingerprint' | 'origins'
>;

function backendContent(
  offer: Offer,
  tags: Tags,
  check: ServiceCheck,
  settings: Settings,
): Content {
  const slotPrefix = backendName(settings.ownership.prefix, offer.id);
  const service = serviceLabel(offer.id);
  const hasCheck = check.merged.check.shape.kind !== 'none';
  if (tags.backend === 'custom') {
    return {
      kind: 'custom',
      name: tags.backendName ?? offer.id.name,
      ...{ service, slotPrefix, hasCheck },
      section: {},
      serverFields: checkServerFields(perServer(check.merged.check)),
      keepCheck: check.keepCheck,
      checkSummary: serverCheckSummary(check.merged.check),
    };
  }
  return {
    kind: 'dynamic',
    name: slotPrefix,
    ...{ service, slotPrefix, hasCheck },
    section: dynamicSection(slotPrefix, tags, check.merged),
    serverFields: {},
    keepCheck: check.keepCheck,
    checkSummary: checkSummary(check.merged),
  };
}

/** The kind of check is the operator's. */
function perServer(check: Check): Check {
  return check.shape.kind === 'none' ? check : { ...check, shape: { kind: 'tcp' } };
}

function checkMaps({ merged, keepCheck }: ServiceCheck) {
  if (keepCheck) return {};
  const { paths, hosts } = merged;
  return {
    ...(paths === undefined ? {} : { checkPaths: paths }),
    ...(hosts === undefined ? {} : { checkHosts: hosts }),
  };
}

/** What a check names as its Host where nobody says: what a client would. */
function defaultHost(offer: Offer, domains: readonly Domain[]): string {
  const exact = domains.find(({ match }) => match === 'exact')?.host;
  return exact ?? checkHost.parse(offer.id.name) ?? 'localhost';
}

function usableMembers(offer: Offer, lead: ParsedTags, { tags: { prefix } }: Settings) {
  const all = offer.members.map((member): CheckedMember => ({
    member,
    tags: memberTags(prefix, member.tags, offer, lead),
  }));
  const warnings = offer.members.flatMap((member): DesiredWarning[] => {
    const problem = unusable(member);
    if (problem === undefined) return [];
    const message = `instance ${member.id} is left out: ${problem}`;
    return [{ service: serviceLabel(offer.id), code: 'instance-unusable', message }];
  });
  return { all, usable: all.filter(({ member }) => unusable(member) === undefined), warnings };
}

/** An instance of an older version may hold tags that can't be read: then the service's count. */
function memberTags(prefix: string, own: readonly string[], offer: Offer, lead: ParsedTags): Tags {
  if (own === offer.tags) return lead.tags;
  const parsed = parseTags(prefix, own);
  return parsed.invalid.length > 0 ? lead.tags : parsed.tags;
}

/** A canary's own comes first: it may have tags of its own (`canary_tags`) until it is promoted. */
function withCanaryHeader(tags: Tags, members: readonly CheckedMember[]): Tags {
  if (tags.backend === 'custom' || tags.mode === 'tcp') return { ...tags, canaryHeader: undefined };
  const own = members.flatMap(({ member, tags }) => (member.canary && tags.canaryHeader) || []);
  return { ...tags, canaryHeader: own[0] ?? tags.canaryHeader };
}

function canariesOf(members: readonly CheckedMember[]): string[] {
  const serving = members.filter(({ member }) => member.canary && member.phase === 'serve');
  return serving.map(({ member }) => member.id).sort();
}

/** So that shares can be told by smaller ones; among an operator's servers, HAProxy's own. */
const DEFAULT_WEIGHT = { dynamic: 100, custom: 1 } as const;

function endpointOf(
  { member, tags: own }: CheckedMember,
  tags: Tags,
  checks: Readonly<Record<string, Check>>,
): Endpoint {
  const { id, createIndex, address, port, phase, terminal } = member;
  const checkPort = checks[id]?.port;
  const usual = DEFAULT_WEIGHT[tags.backend === 'custom' ? 'custom' : 'dynamic'];
  const unasked = tags.canaryHeader === undefined ? undefined : 0;
  const asCanary = member.canary ? (own.canaryWeight ?? unasked) : undefined;
  const asked = member.weight ?? asCanary ?? own.weight;
  return {
    ...{ id, createIndex, address, port, phase, terminal },
    ...(asked === undefined ? { weight: usual, isUsualWeight: true } : { weight: asked }),
    ...(checkPort === undefined || checkPort === port ? {} : { checkPort }),
  };
}

function byId(a: Endpoint, b: Endpoint): number {
  return compareText(a.id, b.id);
}

function fingerprintOf(content: Content, routes: readonly DesiredRoute[]): string {
  const { kind, name, section, serverFields } = content;
  const facts: JsonObject = { kind, name, section, serverFields };
  return shortHash(JSON.stringify([facts, routes]));
}

function skip(offer: Offer, backend: string, invalid: readonly InvalidTag[]): Skipped | undefined {
  const [first, ...more] = invalid;
  if (first === undefined) return undefined;
  const job = offer.jobId === '' ? '' : `job ${offer.jobId}, `;
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  const service = serviceLabel(offer.id);
  const reason = `${job}service ${service}: tag ${oneLine(first.tag, 120)} is invalid; ${first.problem}${others}`;
  const code = offer.id.source === 'file' ? 'invalid-route-file' : 'invalid-tag';
  return { service, code, reason, backend };
}

function checkWarnings(service: string, { merged, unreadable, keepCheck }: ServiceCheck) {
  const warnings: DesiredWarning[] = merged.fallbacks.map((message) => ({
    ...{ service, code: 'check-fallback', message },
  }));
  if (unreadable.length > 0) {
    const then = keepCheck ? 'the check stays as it is' : "another instance's check stands in";
    const message = `job spec unreadable, ${then}: ${unreadable.join('; ')}`;
    warnings.push({ service, code: 'check-unreadable', message });
  }
  return warnings;
}
