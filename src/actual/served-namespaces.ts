import { namespaceOf } from '../haproxy/ownership.js';
import type { ActualState } from './types.js';

/** The namespaces whose services something of ours serves, sorted. */
export function servedNamespaces({ backends }: Pick<ActualState, 'backends'>): readonly string[] {
  const services = Object.values(backends).flatMap(({ ours, service, slots }) => [
    ...(ours && service !== undefined ? [service] : []),
    ...slots.map((slot) => slot.service),
  ]);
  const namespaces = services.map(namespaceOf).filter((namespace) => namespace !== '');
  return [...new Set(namespaces)].sort();
}
