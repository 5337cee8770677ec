/** The services that changed jobs and allocations may have registered, or taken back. */

import { variablesOf } from './instance.js';
import { keyOf } from './keys.js';
import type { WireAllocation } from '../../nomad/answers/shapes.js';
import type { Snapshot } from './snapshot.js';
import type { JobSpec } from './spec.js';
import type { Sliced } from '../../../shared/slices.js';
import { resolveVariables } from './variables.js';

interface Changed {
  readonly specs: readonly JobSpec[];
  readonly allocs: readonly WireAllocation[];
  readonly snapshot: Pick<Snapshot, 'instances' | 'specOf'>;
}

/** Keys of services. */
export function* servicesOf({ specs, allocs, snapshot }: Changed): Sliced<ReadonlySet<string>> {
  const keys = new Set<string>();
  for (const { namespace, blocks } of specs) {
    for (const { name } of blocks) keys.add(keyOf(namespace, name));
  }
  for (const alloc of allocs) {
    const variables = variablesOf(alloc);
    for (const { group, name } of snapshot.specOf(alloc)?.blocks ?? []) {
      if (group !== alloc.TaskGroup) continue;
      keys.add(keyOf(alloc.Namespace, resolveVariables(name, variables)));
    }
    yield;
  }
  // A name that only resolves at run time is known from what is registered.
  const ids = new Set(allocs.map(({ ID }) => ID));
  for (const [key, instances] of ids.size === 0 ? [] : snapshot.instances) {
    if (instances.some(({ AllocID }) => ids.has(AllocID))) keys.add(key);
    yield;
  }
  return keys;
}
