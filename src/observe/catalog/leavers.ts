/**
 * Allocations of which the event stream says that they stop or are over. A read looks at these before
 * all else, so that how soon they are drained doesn't depend on how much Nomad has to list.
 */

import { scopeOf } from '../../shared/concurrent.js';
import type { NomadApi } from '../nomad/api.js';
import type { WireAllocation } from '../nomad/answers/shapes.js';
import type { AllocationFacts } from '../types.js';
import { type OnSight, toSight } from './allocations.js';
import { isLeaving } from './model/allocation.js';
import type { NamedAllocation } from './model/events.js';

/** In one read. If more are leaving, the list of all is the smaller work. */
const mostLooks = 8;
/** Far above realistic numbers. */
const mostNamed = 10_000;

export class Leavers {
  readonly #named = new Map<string, NamedAllocation>();
  readonly #api: NomadApi;
  /** Ends with the read under way. */
  #look: (() => void) | undefined;

  constructor(api: NomadApi) {
    this.#api = api;
  }

  heard(named: readonly NamedAllocation[]): void {
    for (const one of named) this.#named.set(one.id, one);
    if (this.#named.size > mostNamed) this.#named.clear();
    if (named.length > 0) this.#look?.();
  }

  /**
   * While `task` reads, `onSight` is told of those that were named since the last one, or are now, and
   * that are `known`, but not as leaving. Whatever fails, the list of all tells of them too.
   */
  async during<T>(
    task: Promise<T>,
    known: Readonly<Record<string, AllocationFacts>>,
    onSight: OnSight,
    signal: AbortSignal,
  ): Promise<T> {
    const scope = scopeOf(signal);
    const open = new Set<NamedAllocation>();
    let left = mostLooks;
    const lookAt = (one: NamedAllocation): void => {
      const tell = (found: readonly WireAllocation[]): void => {
        if (open.delete(one)) onSight(found.filter(({ ID }) => ID === one.id).map(toSight));
      };
      open.add(one);
      const { namespace, id } = one;
      this.#api.allocation(namespace, id, scope.signal).then(tell, () => open.delete(one));
    };
    this.#look = () => {
      const asked = [...this.#named.values()].filter(
        ({ id }) => known[id] !== undefined && !isLeaving(known[id]),
      );
      this.#named.clear();
      left -= asked.length;
      if (left >= 0) asked.forEach(lookAt);
    };
    this.#look();
    try {
      return await task;
    } finally {
      this.#look = undefined;
      // The read was over first: the next one looks.
      for (const one of open) this.#named.set(one.id, one);
      open.clear();
      scope.abort();
      scope.done();
    }
  }
}
