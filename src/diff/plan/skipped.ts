import type { ActualBackend } from '../../actual/types.js';
import type { DesiredState, SkipCode } from '../../desired/types.js';

/**
 * Services that are skipped, with the reason. A route file that turned bad while its last good state
 * is known is named as skipped and served all the same: that isn't one.
 */
export function skippedServices({ backends, skipped }: Skips): ReadonlyMap<string, SkipCode> {
  const planned = new Set(backends.map(({ service }) => service));
  return new Map(
    skipped
      .filter(({ service }) => !planned.has(service))
      .map(({ service, code }) => [service, code] as const),
  );
}

type Skips = Pick<DesiredState, 'backends' | 'skipped'>;

/**
 * A service of ours, and where it stands: its own backend, or its servers in one of the operator's.
 * Both are told by the marks in HAProxy, never by tags: those may be what can't be read.
 */
export interface Standing {
  readonly backend: ActualBackend;
  readonly service: string;
}

/** Where skipped services stand, by backend and then by service. */
export function standingOf(
  backends: Readonly<Record<string, ActualBackend>>,
  desired: Skips,
): readonly Standing[] {
  const services = skippedServices(desired);
  const wanted = new Set(desired.backends.map(({ name }) => name));
  return Object.values(backends)
    .flatMap((backend): Standing[] => {
      if (backend.ours) {
        const { name, service = '' } = backend;
        return services.has(service) && !wanted.has(name) ? [{ backend, service }] : [];
      }
      const joined = new Set(backend.slots.map(({ service }) => service));
      return [...joined]
        .filter((service) => services.has(service))
        .sort()
        .map((service) => ({ backend, service }));
    })
    .sort((a, b) => (a.backend.name < b.backend.name ? -1 : 1));
}
