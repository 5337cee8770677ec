import type { ServicePlan } from '../plan-service.js';
import type { DesiredWarning } from '../types.js';
import { isTenant, type RouteContext } from './context.js';

/** In open mode, all namespaces are trusted alike, which is worth a word once there are several. */
export function openNamespaces(
  { policy }: RouteContext,
  plans: readonly ServicePlan[],
): readonly DesiredWarning[] {
  if (policy.mode !== 'open') return [];
  const tenants = plans.map(({ offer }) => offer.id).filter(isTenant);
  const names = [...new Set(tenants.map(({ namespace }) => namespace))].sort();
  if (names.length < 2) return [];
  const message = `services of ${names.length} namespaces (${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}) are routed, and policy.mode is open: each may use any free host, any frontend and any backend; set policy.mode to strict and list what each may use (docs/policy.md)`;
  return [{ service: '*', code: 'namespaces-open', message }];
}
