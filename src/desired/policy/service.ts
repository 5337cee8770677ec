import type { PolicyFeature } from '../../config/policy.js';
import { ownEndpointNamed } from '../../haproxy/own-endpoints.js';
import { type ServiceId, serviceLabel } from '../../haproxy/names.js';
import { memoOf } from '../../shared/memo.js';
import type { Check } from '../checks.js';
import type { DesiredRoute } from '../types.js';
import { type TagName, type Tags, tagNames, tagRows } from '../vocabulary.js';
import { isTenant, namespacePolicy, type ServiceContext } from './context.js';

export interface Judged {
  readonly id: ServiceId;
  readonly backend: { readonly kind: 'dynamic' | 'custom'; readonly name: string };
  readonly routes: readonly DesiredRoute[];
  /** The service's, and those of each instance. */
  readonly tags: readonly Tags[];
  readonly checks: readonly Check[];
}

/** Why a service as a whole is refused, if so. */
export function refusedService(context: ServiceContext, judged: Judged): string | undefined {
  if (!isTenant(judged.id)) return undefined;
  return (
    protectedPart(context, judged) ??
    refusedCheck(context, judged) ??
    (context.policy.mode === 'strict' ? unlistedPart(context, judged) : undefined)
  );
}

function protectedPart(
  { policy, settings }: ServiceContext,
  { backend, routes }: Judged,
): string | undefined {
  if (policy.protectedBackends.includes(backend.name)) {
    return protectedBackend(backend.name);
  }
  if (policy.protectedFrontends.length === 0) return undefined;
  const own = settings.haproxy.frontends;
  const front = frontendsOf(routes).find(
    (name) => policy.protectedFrontends.includes(name) && !own.includes(name),
  );
  return front === undefined ? undefined : `policy.protected_frontends lists frontend ${front}`;
}

/**
 * Why a service may not keep what it has, whatever its tags say. One with invalid tags, or beyond a
 * limit, would otherwise stay where the policy no longer allows it.
 */
export function revoked({ policy, facts }: ServiceContext, id: ServiceId): string | undefined {
  if (!isTenant(id)) return undefined;
  const label = serviceLabel(id);
  const joined = Object.hasOwn(facts.joined, label) ? (facts.joined[label] ?? []) : [];
  const closed = joined.find((name) => policy.protectedBackends.includes(name));
  if (closed !== undefined) return protectedBackend(closed);
  if (policy.mode === 'open') return undefined;
  const own = namespacePolicy(policy, id.namespace);
  if (own === undefined) return withoutEntry(id);
  const unlisted = joined.find((name) => !own.backends.includes(name));
  return unlisted === undefined ? undefined : unlistedBackend(id, unlisted);
}

/**
 * The routes that a service has claims on. One with an invalid tag may be refused for the default
 * that stands in for the tag's value, so it keeps its hosts.
 */
export function claimable(
  routes: readonly DesiredRoute[],
  refused: string | undefined,
  isInvalid: boolean,
): readonly DesiredRoute[] {
  if (refused === undefined) return routes;
  return isInvalid ? routes.filter(({ match }) => match === 'exact') : [];
}

function protectedBackend(name: string): string {
  return `policy.protected_backends lists backend ${name}`;
}

function withoutEntry({ namespace }: ServiceId): string {
  return `policy.mode is strict, and there is no policy.namespaces.${namespace}`;
}

function unlistedBackend({ namespace }: ServiceId, name: string): string {
  return `policy.namespaces.${namespace}.backends does not list ${name}`;
}

function frontendsOf(routes: readonly DesiredRoute[]): readonly string[] {
  return [...new Set(routes.flatMap(({ frontends }) => frontends))].sort();
}

function refusedCheck(context: ServiceContext, { tags, checks }: Judged): string | undefined {
  const methods = allowedMethods(context);
  const method = tags.find(
    ({ checkMethod: one }) => one !== undefined && !methods.includes(one),
  )?.checkMethod;
  if (method !== undefined) {
    return `checks may use ${methods.join(', ')}, not ${method}; see policy.check_methods`;
  }
  for (const { shape } of checks) {
    const host = shape.kind === 'http' ? shape.host : shape.kind === 'grpc' ? shape.authority : '';
    const own = ownEndpointNamed(context.endpoints, host);
    if (own !== undefined) return `its check asks for ${host}, which is ${own.what}`;
  }
  return undefined;
}

export function allowedMethods({ policy }: Pick<ServiceContext, 'policy'>): readonly string[] {
  return methodLists(policy, () => ['GET', 'HEAD', 'OPTIONS', ...policy.checkMethods]);
}

const methodLists = memoOf<readonly string[]>();

function unlistedPart(
  { policy, settings, facts }: ServiceContext,
  { id, backend, routes, tags }: Judged,
): string | undefined {
  const own = namespacePolicy(policy, id.namespace);
  const where = `policy.namespaces.${id.namespace}`;
  if (own === undefined) return withoutEntry(id);
  const joins = backend.kind === 'custom' || Object.hasOwn(facts.operatorBackends, backend.name);
  if (joins && !own.backends.includes(backend.name)) return unlistedBackend(id, backend.name);
  const listed = own.frontends ?? settings.haproxy.frontends;
  const front = frontendsOf(routes).find((name) => !listed.includes(name));
  if (front !== undefined) return `${where}.frontends does not list ${front}`;
  const feature = usedFeatures(routes, tags).find((one) => !own.features.includes(one));
  return feature === undefined ? undefined : `${where}.features does not list ${feature}`;
}

/** Tags of these keys, and of keys below them, need the feature. */
const featureKeys: readonly (readonly [PolicyFeature, string])[] = [
  ['check', 'check'],
  ['headers', 'request-header'],
  ['headers', 'response-header'],
  ['canary', 'canary'],
];

function usedFeatures(
  routes: readonly DesiredRoute[],
  tags: readonly Tags[],
): readonly PolicyFeature[] {
  const used = new Set<PolicyFeature>();
  for (const { match, path, mode } of routes) {
    if (match === 'regex' || match === 'prefix') used.add(match);
    if (match === 'any' && path !== undefined) used.add('hostless');
    if (mode === 'tcp') used.add('tcp');
  }
  for (const name of tagNames) {
    if (!tags.some((one) => isGiven(one, name))) continue;
    const { key } = tagRows[name];
    for (const [feature, start] of featureKeys) {
      if (key === start || key.startsWith(`${start}.`)) used.add(feature);
    }
  }
  return [...used].sort();
}

function isGiven(tags: Tags, name: TagName): boolean {
  const value: unknown = tags[name];
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}
