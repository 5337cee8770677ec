import { compareText } from '../shared/compare.js';
import type { LimitSettings } from '../config/types.js';
import type { Check } from './checks.js';
import { type Member, memberOfTarget, unusable } from './endpoints.js';
import { serviceLabel } from '../haproxy/names.js';
import type { Offer } from './offers.js';
import type { CheckedMember, ServiceCheck } from './service-check.js';
import type { InvalidTag, ParsedTags, TagParser } from './tags.js';
import { oneLine } from '../shared/text.js';
import type { DesiredWarning, Endpoint, KeptEndpoint, KeptService, RouteTarget } from './types.js';
import type { TagName, Tags } from './vocabulary.js';

/** An instance with its parsed tags. */
export interface ReadMember extends CheckedMember {
  /** Its invalid tags. The service's values are used instead. */
  readonly invalid: readonly TagName[];
}

export interface Members {
  readonly all: readonly ReadMember[];
  readonly usable: readonly ReadMember[];
  readonly warnings: readonly DesiredWarning[];
  /** Why none of them may be a target. */
  readonly refused?: string;
}

/** What the policy says of the instances' addresses. */
export interface Targets {
  readonly refused: (member: Member, tags: readonly Tags[]) => string | undefined;
  readonly foreign: (member: Member) => string | undefined;
  /** Why it can't be judged. */
  readonly doubtful: (member: Member) => string | undefined;
}

export function readMembers(offer: Offer, tags: Tags, parse: TagParser, targets: Targets): Members {
  const service = serviceLabel(offer.id);
  // These tags decide for the service, so their problems are reported for the service.
  const speaks = new Set(offer.tagSets.map((set) => set.tags));
  const ownProblems = (member: Member) =>
    speaks.has(member.tags) ? [] : parse(member.tags).invalid;
  const judged = offer.members.map((one) => judge(one, tags, parse, targets));
  const usable = judged.filter(({ problem }) => problem === undefined).map(({ read }) => read);
  const reason = usable.length > 0 ? undefined : judged.find(isRefused)?.problem;
  return {
    all: judged.map(({ read }) => read),
    usable,
    warnings: judged.flatMap((one) => warningsOf(one, service, targets, ownProblems)),
    ...(reason === undefined ? {} : { refused: reason }),
  };
}

interface Judged {
  readonly read: ReadMember;
  /** Why it is not used. */
  readonly problem: string | undefined;
  /** Why its address isn't known. */
  readonly doubt: string | undefined;
}

function judge(one: Member, tags: Tags, parse: TagParser, targets: Targets): Judged {
  const doubt = doubtOf(one, targets);
  const member = doubt === undefined ? one : { ...one, address: '', unresolved: true as const };
  const read = readMember(member, tags, parse(member.tags));
  const problem = unusable(member) ?? targets.refused(one, [tags, read.tags]);
  return { read, problem, doubt };
}

/** The service's value stands in for an invalid one of its own. */
function readMember(member: Member, tags: Tags, own: ParsedTags): ReadMember {
  if (own.invalid.length === 0) return { member, tags: own.tags, invalid: [] };
  const invalid = own.invalid.map(({ name }) => name);
  const theirs = Object.fromEntries(invalid.map((name) => [name, tags[name]]));
  return { member, tags: { ...own.tags, ...theirs }, invalid };
}

/** Not for its own address or port. */
function isRefused({ read, problem }: Judged): boolean {
  return problem !== undefined && unusable(read.member) === undefined;
}

function warningsOf(
  { read: { member, invalid }, problem, doubt }: Judged,
  service: string,
  { foreign: foreignTo }: Targets,
  ownProblems: (member: Member) => readonly InvalidTag[],
): readonly DesiredWarning[] {
  if (problem !== undefined) {
    const message = `instance ${member.id} is not used: ${problem}`;
    return [{ service, code: 'instance-unusable', message }];
  }
  if (doubt !== undefined) {
    const message = `instance ${member.id}: ${doubt}; it keeps its current address, or is not used if it has none`;
    return [{ service, code: 'instance-unusable', message }];
  }
  const foreign = foreignTo(member);
  if (foreign !== undefined) {
    const message = `instance ${member.id}: ${foreign}`;
    return [{ service, code: 'foreign-address', message }];
  }
  if (invalid.length === 0) return [];
  return ownProblems(member).map(({ tag, problem: why }) => {
    const message = `tag ${oneLine(tag, 120)} of instance ${member.id} is ignored: ${why}`;
    return { service, code: 'ignored-tag', message };
  });
}

/** Why its address isn't known, if so. */
function doubtOf(member: Member, { doubtful }: Targets): string | undefined {
  return member.unresolved === true ? "its host name can't be resolved" : doubtful(member);
}

/** A canary's own tag comes first: it may have `canary_tags` until it is promoted. */
export function withCanaryHeader(tags: Tags, members: readonly CheckedMember[]): Tags {
  const isHttp = tags.backend !== 'custom' && tags.mode !== 'tcp';
  const own = members.find(({ member, tags }) => member.canary && tags.canaryHeader !== undefined);
  const canaryHeader = isHttp ? (own?.tags.canaryHeader ?? tags.canaryHeader) : undefined;
  return canaryHeader === tags.canaryHeader ? tags : { ...tags, canaryHeader };
}

export function canariesOf(members: readonly CheckedMember[]): string[] {
  const serving = members.filter(({ member }) => member.canary && member.phase === 'serve');
  return serving.length === 0 ? [] : serving.map(({ member }) => member.id).sort();
}

/** 100 leaves room for smaller shares. Among an operator's servers, HAProxy's default is used. */
export const usualWeight = { dynamic: 100, custom: 1 } as const;

export function endpointsOf(
  members: readonly ReadMember[],
  tags: Tags,
  checks: Readonly<Record<string, Check>>,
  service: string,
): Endpoint[] {
  return members.map((one) => endpointOf(one, tags, checks, service)).sort(byId);
}

function endpointOf(
  { member, tags: own }: CheckedMember,
  tags: Tags,
  checks: Readonly<Record<string, Check>>,
  service: string,
): Endpoint {
  const { id, createIndex, jobId, address, port, phase, terminal, unresolved } = member;
  const checkPort = checks[id]?.port;
  const usual = usualWeight[tags.backend === 'custom' ? 'custom' : 'dynamic'];
  const unasked = tags.canaryHeader === undefined ? undefined : 0;
  const asCanary = member.canary ? (own.canaryWeight ?? unasked) : undefined;
  const asked = member.weight ?? asCanary ?? own.weight;
  const hasJob = jobId !== '' && jobId !== service;
  const hasCheckPort = checkPort !== undefined && checkPort !== port;
  const weight = asked ?? usual;
  // Most have none of the optional fields but one: those are one literal.
  const endpoint: Endpoint =
    asked === undefined
      ? { id, createIndex, address, port, phase, terminal, weight, isUsualWeight: true }
      : { id, createIndex, address, port, phase, terminal, weight };
  if (!hasJob && !hasCheckPort && unresolved !== true) return endpoint;
  return {
    ...endpoint,
    ...(hasJob ? { job: jobId } : {}),
    ...(unresolved === true ? { unresolved } : {}),
    ...(hasCheckPort ? { checkPort } : {}),
  };
}

function byId(a: Endpoint, b: Endpoint): number {
  return compareText(a.id, b.id);
}

/** What is known about the instances of a skipped service. */
export function keptService(
  service: string,
  endpoints: readonly Endpoint[],
  members: readonly ReadMember[],
  { checks }: ServiceCheck,
  { declaredCount, scalesTo }: Pick<Offer, 'declaredCount' | 'scalesTo'>,
): KeptService {
  const paths: [string, string][] = [];
  const hosts: [string, string][] = [];
  for (const { member, invalid } of members) {
    if (!isReadable(member) || invalid.some((name) => name.startsWith('check'))) continue;
    const shape = checks[member.id]?.shape;
    if (shape?.kind !== 'http') continue;
    paths.push([member.id, shape.path]);
    hosts.push([member.id, shape.host]);
  }
  return {
    service,
    endpoints: keptEndpoints(endpoints, members),
    expected: declaredCount,
    ...(scalesTo === undefined ? {} : { scalesTo }),
    checkPaths: Object.fromEntries(paths),
    checkHosts: Object.fromEntries(hosts),
    canaries: canariesOf(members),
  };
}

/** With what isn't known of those that can't be read. */
function keptEndpoints(
  endpoints: readonly Endpoint[],
  members: readonly ReadMember[],
): readonly KeptEndpoint[] {
  const unread = members.filter(({ member, invalid }) => invalid.length > 0 || !isReadable(member));
  if (unread.length === 0) return endpoints;
  const byMember = new Map(unread.map((one) => [one.member.id, one]));
  return endpoints.map((one) => keptEndpoint(one, byMember.get(one.id)));
}

/**
 * Where a service that exceeds a limit stands, its oldest instances stay. What its tags say of
 * weight and check port isn't known if not all were read.
 */
export function keptWithin(
  kept: KeptService,
  isCut: boolean,
  { serversPerBackend: most }: LimitSettings,
): KeptService {
  const { expected = 0, endpoints } = kept;
  if (!isCut && endpoints.length <= most && expected <= most) return kept;
  const oldest =
    endpoints.length <= most
      ? endpoints
      : [...endpoints].sort((a, b) => a.createIndex - b.createIndex).slice(0, most);
  const cut = isCut
    ? oldest.map((one): KeptEndpoint => ({ ...one, unread: ['weight', 'checkPort'] }))
    : oldest;
  return { ...kept, endpoints: [...cut].sort(byId), expected: Math.min(expected, most) };
}

/** The targets of a route file whose other content is invalid. */
export function keptTargets(name: string, targets: readonly RouteTarget[]): KeptService {
  const endpoints = targets.map((target): KeptEndpoint => {
    const { id, createIndex, address, port, phase, terminal, weight } = memberOfTarget(target, []);
    return {
      ...{ id, createIndex, address, port, phase, terminal, unread: ['checkPort'] },
      ...(weight === undefined ? { weight: usualWeight.dynamic, isUsualWeight: true } : { weight }),
    };
  });
  const service = serviceLabel({ source: 'file', namespace: '', name });
  return { service, endpoints: endpoints.sort(byId) };
}

function isReadable({ spec }: Member): boolean {
  return spec.status === 'known';
}

function keptEndpoint(endpoint: Endpoint, read: ReadMember | undefined): KeptEndpoint {
  if (read === undefined) return endpoint;
  const { invalid, member } = read;
  const ofWeight: readonly TagName[] = member.canary
    ? ['weight', 'canaryWeight', 'canaryHeader']
    : ['weight'];
  const unread = [
    ...(ofWeight.some((name) => invalid.includes(name)) ? (['weight'] as const) : []),
    ...(invalid.includes('checkPort') || !isReadable(member) ? (['checkPort'] as const) : []),
  ];
  return unread.length === 0 ? endpoint : { ...endpoint, unread };
}
