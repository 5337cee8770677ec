import { openPolicy, type NamespacePolicy, type PolicySettings } from '../../config/policy.js';
import type { Settings } from '../../config/types.js';
import { type HaproxyFacts, noFacts } from '../../haproxy/facts.js';
import type { ServiceId } from '../../haproxy/names.js';
import type { OwnEndpoint } from '../../haproxy/own-endpoints.js';
import type { DesiredInput } from '../types.js';

/** What the policy is judged by. */
export interface PolicyContext {
  readonly policy: PolicySettings;
  readonly settings: Settings;
  readonly facts: HaproxyFacts;
  readonly endpoints: readonly OwnEndpoint[];
}

export function policyContext(
  input: Pick<DesiredInput, 'settings' | 'facts' | 'endpoints'>,
): PolicyContext {
  const { settings, facts = noFacts, endpoints = [] } = input;
  return { policy: settings.policy ?? openPolicy, settings, facts, endpoints };
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
