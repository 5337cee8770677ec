import type { ActualBackend } from '../../actual/types.js';
import type { DesiredState, KeptService, SkipCode, Skipped } from '../../desired/types.js';
import type { PlanInput } from './input.js';

/**
 * Skipped services with their reason. An invalid route file whose last valid content is known is
 * reported as skipped but still served, so it isn't included.
 */
export function skippedServices({ backends, skipped }: Skips): ReadonlyMap<string, SkipCode> {
  if (skipped.length === 0) return new Map();
  const planned = new Set(backends.map(({ service }) => service));
  return new Map(
    skipped
      .filter(({ service }) => !planned.has(service))
      .map(({ service, code }) => [service, code] as const),
  );
}

type Skips = Pick<DesiredState, 'backends' | 'skipped'>;

/**
 * A service and its location: its own backend, or its servers in an operator's. The location comes
 * from the marks in HAProxy, never from tags, which may be invalid.
 */
export interface Standing {
  readonly backend: ActualBackend;
  readonly service: string;
}

/** Locations of skipped services, by backend and then by service. */
export function standingOf(
  backends: Readonly<Record<string, ActualBackend>>,
  desired: Skips,
): readonly Standing[] {
  const services = skippedServices(desired);
  if (services.size === 0) return [];
  const wanted = new Set(desired.backends.map(({ name }) => name));
  return Object.values(backends)
    .flatMap((backend): Standing[] => {
      if (backend.ours) {
        const { name, service = '' } = backend;
        return services.has(service) && !wanted.has(name) ? [{ backend, service }] : [];
      }
      const joined = new Set(backend.slots.map(({ service }) => service));
      // What the policy refuses leaves the operator's backends.
      return [...joined]
        .filter((service) => services.has(service) && services.get(service) !== 'policy')
        .sort()
        .map((service) => ({ backend, service }));
    })
    .sort((a, b) => (a.backend.name < b.backend.name ? -1 : 1));
}

/** Skips services of which HAProxy's state turned out that they can't be served as desired. */
export function withoutServices(
  input: PlanInput,
  skipped: readonly Skipped[],
  kept: readonly KeptService[] = [],
): PlanInput {
  if (skipped.length === 0) return input;
  const services = new Set(skipped.map(({ service }) => service));
  const stays = ({ service }: { readonly service: string }): boolean => !services.has(service);
  const { desired } = input;
  return {
    ...input,
    desired: {
      ...desired,
      backends: desired.backends.filter(stays),
      routes: desired.routes.filter(stays),
      skipped: [...desired.skipped, ...skipped],
      kept: [...desired.kept, ...kept],
    },
  };
}
