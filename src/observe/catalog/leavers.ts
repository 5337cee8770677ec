/**
 * Allocations of which the event stream says that they stop or are over. A read looks at these before
 * all else, so that how soon they are drained doesn't depend on how much Nomad has to list.
 */

import type { NomadApi } from '../nomad/api.js';
import type { AllocationFacts } from '../types.js';
import { type OnSight, toSight } from './allocations.js';
import { isLeaving } from './model/allocation.js';
import type { NamedAllocation } from './model/events.js';

/** If more are leaving, the list of all is the smaller work. */
const mostLooks = 8;
/** Far above realistic numbers. */
const mostNamed = 10_000;

export class Leavers {
  readonly #named = new Map<string, NamedAllocation>();
  readonly #api: NomadApi;

  constructor(api: NomadApi) {
    this.#api = api;
  }

  heard(named: readonly NamedAllocation[]): void {
    for (const one of named) this.#named.set(one.id, one);
    if (this.#named.size > mostNamed) this.#named.clear();
  }

  /**
   * Reads those that were named since the last look and that are known, but not as leaving. Never
   * throws: whatever fails, the list of all is read next.
   */
  async look(
    known: Readonly<Record<string, AllocationFacts>>,
    onSight: OnSight,
    signal: AbortSignal,
  ): Promise<void> {
    const asked = [...this.#named.values()].filter(
      ({ id }) => known[id] !== undefined && !isLeaving(known[id]),
    );
    this.#named.clear();
    if (asked.length > mostLooks) return;
    await Promise.allSettled(
      asked.map(async ({ namespace, id }) => {
        const found = await this.#api.allocation(namespace, id, signal);
        if (!signal.aborted) onSight(found.filter(({ ID }) => ID === id).map(toSight));
      }),
    );
  }
}
