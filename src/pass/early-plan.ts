import { factsOf } from '../actual/normalise/facts.js';
import type { ActualState } from '../actual/types.js';
import type { Settings } from '../config/types.js';
import type { Rejection } from '../desired/types.js';
import { earlyDrains, leavingSlots } from '../diff/plan/early.js';
import type { SlotStep } from '../diff/types.js';
import type { OwnEndpoint } from '../haproxy/own-endpoints.js';
import { serviceLabel } from '../haproxy/names.js';
import type { Catalog } from '../observe/types.js';
import { desire } from './desire.js';
import { stillUnstable, type Unstable } from './unstable.js';

export interface EarlyInput {
  readonly catalog: Catalog;
  /** HAProxy as last read, with the present servers of the backends that are asked about. */
  readonly actual: ActualState;
  readonly settings: Settings;
  readonly endpoints: readonly OwnEndpoint[];
  readonly rejected: Readonly<Record<string, Rejection>>;
  readonly unstable: Unstable;
  /** Unix seconds. */
  readonly now: number;
}

/**
 * Drains that the plan for this catalog will have as well, computed for the services with an instance
 * that leaves and for no other. Pure.
 */
export function planEarly(input: EarlyInput): readonly SlotStep[] {
  const { actual, endpoints, rejected, settings, now } = input;
  const leaving = leavingSlots(actual, input.catalog);
  const catalog = withServices(input.catalog, new Set(leaving.map(({ slot }) => slot.service)));
  const names = new Set(leaving.map(({ backend }) => backend));
  const backends = Object.entries(actual.backends).filter(([name]) => names.has(name));
  const some = { ...actual, backends: Object.fromEntries(backends) };
  const desired = desire({
    ...{ catalog, settings, endpoints, rejected },
    routes: { files: [], bad: [] },
    facts: factsOf(some, settings.ownership),
  });
  const unstable = stillUnstable(input.unstable, desired);
  return earlyDrains({ catalog, desired, actual: some, settings, unstable, now });
}

function withServices(catalog: Catalog, services: ReadonlySet<string>): Catalog {
  const isOne = ({ namespace, name }: { readonly namespace: string; readonly name: string }) =>
    services.has(serviceLabel({ source: 'nomad', namespace, name }));
  return {
    ...catalog,
    services: catalog.services.filter(isOne),
    unreadable: (catalog.unreadable ?? []).filter(isOne),
  };
}
