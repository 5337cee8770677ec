import { openPolicy, type NamespacePolicy, type PolicySettings } from '../../config/policy.js';
import type { Settings } from '../../config/types.js';
import { type HaproxyFacts, noFacts } from '../../haproxy/facts.js';
import type { ServiceId } from '../../haproxy/names.js';
import type { OwnEndpoint } from '../../haproxy/own-endpoints.js';
import type { DesiredInput } from '../types.js';

/** All that a service's plan depends on besides the service itself. */
export interface ServiceContext {
  readonly policy: PolicySettings;
  readonly settings: Settings;
  readonly facts: Pick<HaproxyFacts, 'operatorBackends' | 'joined' | 'listeners'>;
  readonly endpoints: readonly OwnEndpoint[];
}

/** All that the claims on routes are settled by besides the claims and their record. */
export interface RouteContext {
  readonly policy: PolicySettings;
  readonly settings: Settings;
  readonly facts: Pick<HaproxyFacts, 'operatorHosts'>;
}

type ContextInput = Pick<DesiredInput, 'settings' | 'facts' | 'endpoints'>;

export function serviceContext({
  settings,
  facts = noFacts,
  endpoints = [],
}: ContextInput): ServiceContext {
  const { operatorBackends, joined, listeners } = facts;
  return {
    policy: settings.policy ?? openPolicy,
    settings,
    facts: { operatorBackends, joined, listeners },
    endpoints,
  };
}

export function routeContext({ settings, facts = noFacts }: ContextInput): RouteContext {
  const { operatorHosts } = facts;
  return { policy: settings.policy ?? openPolicy, settings, facts: { operatorHosts } };
}

/** Undefined: nothing is listed for it. */
export function namespacePolicy(
  { namespaces }: PolicySettings,
  namespace: string,
): NamespacePolicy | undefined {
  return Object.hasOwn(namespaces, namespace) ? namespaces[namespace] : undefined;
}

/** Route files are the operator's: no policy is about them. */
export function isTenant({ source }: ServiceId): boolean {
  return source === 'nomad';
}
