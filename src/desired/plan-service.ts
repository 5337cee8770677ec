import type { BackendStrategy, LimitSettings, Settings } from '../config/types.js';
import type { JsonObject } from '../shared/json.js';
import { checkServerFields, checkSummary, serverCheckSummary } from './check-section.js';
import type { Check } from './checks.js';
import type { Domain } from './domains.js';
import { type Excess, limitSkip, routeExcess, serverExcess } from './limits.js';
import {
  canariesOf,
  endpointsOf,
  keptService,
  keptWithin,
  readMembers,
  withCanaryHeader,
} from './members.js';
import { originsOf } from './origins.js';
import { backendName, serviceLabel, shortHash } from '../haproxy/names.js';
import type { Offer } from './offers.js';
import { dynamicSection } from './section.js';
import { isTenant, type ServiceContext } from './policy/context.js';
import { doubtfulTarget, foreignTarget, refusedTarget } from './policy/addresses.js';
import { allowedMethods, claimable, refusedService, revoked } from './policy/service.js';
import { cappedWeights, weightLimit } from './policy/weights.js';
import { type ServiceCheck, serviceCheck } from './service-check.js';
import { type OwnedInvalidTag, serviceTags, type ServiceTags } from './service-tags.js';
import { tagParser } from './tags.js';
import { oneLine } from '../shared/text.js';
import type {
  DesiredBackend,
  DesiredRoute,
  DesiredWarning,
  Endpoint,
  KeptService,
  Skipped,
} from './types.js';
import { checkHost } from './values.js';
import type { Tags } from './vocabulary.js';

/** What one service wants, before conflicts with others are settled. */
export interface ServicePlan {
  readonly offer: Pick<Offer, 'id' | 'claimedAt'>;
  readonly backend: DesiredBackend;
  readonly routes: readonly DesiredRoute[];
  readonly warnings: readonly DesiredWarning[];
  readonly skipped?: Skipped;
  /** What it has, the policy takes away, whatever else is wrong with it. */
  readonly taken?: Skipped;
  /** Its instances, used where it already exists in case it is skipped. Undefined: unknown. */
  readonly kept: KeptService | undefined;
}

/** Undefined: leave the service alone. */
export function planService(offer: Offer, context: ServiceContext): ServicePlan | undefined {
  const { settings } = context;
  const { prefix } = settings.tags;
  const { limits } = settings;
  const parse = tagParser(prefix);
  const own = serviceTags(offer, prefix, limits, parse);
  if (own.tags.backend === 'static') return undefined;
  const service = serviceLabel(offer.id);
  const members = readMembers(offer, own.tags, parse, {
    refused: (member, asked) => refusedTarget(context, offer.id, member, asked),
    foreign: (member) => foreignTarget(context, offer.id, member),
    doubtful: (member) => doubtfulTarget(context, offer.id, member),
  });
  const tags = withCanaryHeader(own.tags, members.usable);
  const check = serviceCheck({
    members: members.usable.length > 0 ? members.usable : members.all,
    tags,
    declared: offer.declaredChecks,
    defaults: settings.checks,
    leastIntervalMs: limits.checkIntervalMs,
    host: defaultHost(offer, own.domains),
    ...(isTenant(offer.id) ? { methods: allowedMethods(context) } : {}),
  });
  const content = backendContent(offer, tags, check, settings);
  const routes = own.routes({
    backend: content.name,
    service,
    frontends: settings.haproxy.frontends,
  });
  const weighed = cappedWeights(
    endpointsOf(members.usable, tags, check.checks, offer.id.name),
    weightLimit(context, offer.id, content.name),
  );
  const { endpoints } = weighed;
  const over = excessOf(offer, own, routes, endpoints, limits);
  const refused =
    members.refused ??
    refusedService(context, {
      ...{ id: offer.id, backend: content, routes },
      tags: [tags, ...members.usable.map((one) => one.tags)],
      checks: [check.merged.check, ...Object.values(check.checks)],
    });
  const skipped =
    (over === undefined ? undefined : limitSkip(offer.id, over, content.name)) ??
    skip(offer, content.name, own.invalid) ??
    refusal(offer, content.name, refused);
  const taken = refusal(offer, content.name, revoked(context, offer.id));
  return {
    offer: { id: offer.id, claimedAt: offer.claimedAt },
    backend: {
      endpoints,
      ...content,
      ...checkMaps(check),
      ...(tags.canaryHeader === undefined ? {} : { canaries: canariesOf(members.usable) }),
      expected: offer.declaredCount,
      ...(offer.scalesTo === undefined ? {} : { scalesTo: offer.scalesTo }),
      origins: originsOf(tags, check.merged.check.spec),
      strategy: strategyOf(tags) ?? settings.haproxy.backendStrategy,
      fingerprint: fingerprintOf(content, routes),
    },
    kept: keptWithin(
      keptService(service, endpoints, members.usable, check, offer),
      offer.excess !== undefined,
      limits,
    ),
    // A service skipped for a limit keeps its claims, up to the limit.
    routes: claimable(routes, refused, own.invalid.length > 0).slice(0, limits.routesPerService),
    warnings: [
      ...own.warnings(service),
      ...members.warnings,
      ...checkWarnings(service, check),
      ...intervalWarnings(service, check, limits),
      ...weighed.capped.map((message) => ({ service, code: 'weight-capped', message }) as const),
    ],
    ...(skipped === undefined ? {} : { skipped }),
    ...(taken === undefined ? {} : { taken }),
  };
}

/** A tag can't fail the pass for everybody. */
function strategyOf({ backendStrategy }: Tags): BackendStrategy | undefined {
  return backendStrategy === 'fail_on_conflict' ? 'create_new' : backendStrategy;
}

function excessOf(
  { excess: tagExcess, declaredCount }: Offer,
  { tags, regexDomains }: ServiceTags,
  routes: readonly DesiredRoute[],
  endpoints: readonly Endpoint[],
  limits: LimitSettings,
): Excess | undefined {
  const domains = tags.domains.length;
  const counts = { domains, regexDomains, paths: tags.paths.length, routes };
  return tagExcess ?? routeExcess(counts, limits) ?? serverExcess(endpoints, declaredCount, limits);
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

/** The operator decides the kind of check. */
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

/** Default Host of a check: the one a client would send. */
function defaultHost(offer: Offer, domains: readonly Domain[]): string {
  const exact = domains.find(({ match }) => match === 'exact')?.host;
  return exact ?? checkHost.parse(offer.id.name) ?? 'localhost';
}

function fingerprintOf(content: Content, routes: readonly DesiredRoute[]): string {
  const { kind, name, section, serverFields } = content;
  const facts: JsonObject = { kind, name, section, serverFields };
  return shortHash(JSON.stringify([facts, routes]));
}

function skip(
  { id }: Offer,
  backend: string,
  invalid: readonly OwnedInvalidTag[],
): Skipped | undefined {
  const [first, ...more] = invalid;
  if (first === undefined) return undefined;
  const job = first.jobId === '' ? '' : `job ${first.jobId}, `;
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  const service = serviceLabel(id);
  const reason = `${job}service ${service}: tag ${oneLine(first.tag, 120)} is invalid; ${first.problem}${others}`;
  const code = id.source === 'file' ? 'invalid-route-file' : 'invalid-tag';
  return { service, code, reason, backend };
}

function refusal({ id }: Offer, backend: string, reason: string | undefined): Skipped | undefined {
  if (reason === undefined) return undefined;
  const service = serviceLabel(id);
  return { service, code: 'policy', reason: `service ${service}: ${reason}`, backend };
}

function checkWarnings(service: string, { merged, unreadable, keepCheck }: ServiceCheck) {
  const warnings: DesiredWarning[] = merged.fallbacks.map((message) => ({
    ...{ service, code: 'check-fallback', message },
  }));
  if (unreadable.length > 0) {
    const then = keepCheck ? 'the check stays unchanged' : "another instance's check is used";
    const message = `job spec unreadable, ${then}: ${unreadable.join('; ')}`;
    warnings.push({ service, code: 'check-unreadable', message });
  }
  return warnings;
}

function intervalWarnings(
  service: string,
  { checks }: ServiceCheck,
  { checkIntervalMs }: LimitSettings,
): DesiredWarning[] {
  const asked = Object.values(checks).flatMap(({ askedIntervalMs }) => askedIntervalMs ?? []);
  if (asked.length === 0) return [];
  const message = `check interval ${Math.min(...asked)}ms; limits.check_interval is ${checkIntervalMs}ms, which is used`;
  return [{ service, code: 'limit-exceeded', limit: 'check_interval', message }];
}
