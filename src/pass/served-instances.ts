import type { ActualState } from '../actual/types.js';
import type { ServedInstance } from '../observe/types.js';
import { namespaceOf } from '../haproxy/ownership.js';

/** The instances that servers of ours are bound to. Of a route file's targets there are none. */
export function servedInstances({
  backends,
}: Pick<ActualState, 'backends'>): readonly ServedInstance[] {
  return Object.values(backends).flatMap(({ slots }) =>
    slots.flatMap(({ service, binding }): ServedInstance[] => {
      const namespace = namespaceOf(service);
      if (binding === undefined || namespace === '') return [];
      const { id, createIndex, job = service.slice(namespace.length + 1) } = binding;
      return [{ id, service, namespace, job, createIndex }];
    }),
  );
}
