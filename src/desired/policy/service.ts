import type { PolicyFeature } from '../../config/policy.js';
import { ownEndpointNamed } from '../../haproxy/own-endpoints.js';
import type { ServiceId } from '../../haproxy/names.js';
import type { Check } from '../checks.js';
import type { DesiredRoute } from '../types.js';
import { type TagName, type Tags, tagNames, tagRows } from '../vocabulary.js';
import { isTenant, namespacePolicy, type PolicyContext } from './context.js';

export interface Judged {
  readonly id: ServiceId;
  readonly backend: { readonly kind: 'dynamic' | 'custom'; readonly name: string };
  readonly routes: readonly DesiredRoute[];
  /** The service's, and those of each instance. */
  readonly tags: readonly Tags[];
  readonly checks: readonly Check[];
}

/** Why a service as a whole is refused, if so. */
export function refusedService(context: PolicyContext, judged: Judged): string | undefined {
  if (!isTenant(judged.id)) return undefined;
  return (
    protectedPart(context, judged) ??
    refusedCheck(context, judged) ??
    (context.policy.mode === 'strict' ? unlistedPart(context, judged) : undefined)
  );
}

function protectedPart(
  { policy, settings }: PolicyContext,
  { backend, routes }: Judged,
): string | undefined {
  if (policy.protectedBackends.includes(backend.name)) {
    return `policy.protected_backends lists backend ${backend.name}`;
  }
  const own = settings.haproxy.frontends;
  const front = frontendsOf(routes).find(
    (name) => policy.protectedFrontends.includes(name) && !own.includes(name),
  );
  return front === undefined ? undefined : `policy.protected_frontends lists frontend ${front}`;
}

function frontendsOf(routes: readonly DesiredRoute[]): readonly string[] {
  return [...new Set(routes.flatMap(({ frontends }) => frontends))].sort();
}

function refusedCheck(context: PolicyContext, { tags, checks }: Judged): string | undefined {
  const methods = allowedMethods(context);
  const method = tags.map((one) => one.checkMethod).find((one) => one && !methods.includes(one));
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

export function allowedMethods({ policy }: Pick<PolicyContext, 'policy'>): readonly string[] {
  return ['GET', 'HEAD', 'OPTIONS', ...policy.checkMethods];
}

function unlistedPart(
  { policy, settings, facts }: PolicyContext,
  { id: { namespace }, backend, routes, tags }: Judged,
): string | undefined {
  const own = namespacePolicy(policy, namespace);
  const where = `policy.namespaces.${namespace}`;
  if (own === undefined) return `policy.mode is strict, and there is no ${where}`;
  const joins = backend.kind === 'custom' || Object.hasOwn(facts.operatorBackends, backend.name);
  if (joins && !own.backends.includes(backend.name)) {
    return `${where}.backends does not list ${backend.name}`;
  }
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
