import { namespaceOf } from '../../haproxy/ownership.js';
import type { ActualBackend, ActualSlot, ActualState } from '../../actual/types.js';
import type { GuardSettings } from '../../config/types.js';
import type { DesiredState } from '../../desired/types.js';
import { allocationOf, isLeaving } from '../../observe/catalog/model/allocation.js';
import type { AllocationFacts, Catalog } from '../../observe/types.js';
import { skippedServices } from './skipped.js';
import type { Held } from '../types.js';

export interface GuardInput {
  readonly actual: ActualState;
  readonly desired: DesiredState;
  readonly catalog: Pick<Catalog, 'allocations' | 'missing' | 'trust'>;
  readonly settings: GuardSettings;
  /** Namespaces that are not in the catalog and that Nomad may have all the same. */
  readonly hidden: readonly string[];
  /** What the pass before held back, if this read was a full one that can confirm it. */
  readonly confirms?: Held;
}

interface Absent {
  readonly instances: readonly string[];
  readonly backends: readonly string[];
}

/**
 * Asks before something is removed on absence alone.
 *
 * | absent, and | then |
 * |---|---|
 * | its allocation was read as stopping or over | no question: drained at once |
 * | its allocation runs and should be registered | held until Nomad says otherwise |
 * | Nomad may have its namespace and not show it | held |
 * | this read can't be trusted for removals | held |
 * | the share of removals is over the limit | held until the next full read agrees; both trusted |
 * | otherwise | removed |
 */
export function guard(input: GuardInput): Held | undefined {
  if (input.settings.allowRemovals) return undefined;
  const absent = findAbsent(input);
  const contradicted = absent.instances.filter((id) => input.catalog.missing.includes(id));
  const { trust } = input.catalog;
  if (trust.removals === 'held') {
    const untrusted = held(absent, trust.reason, true);
    return untrusted === undefined ? undefined : { ...untrusted, untrusted: true };
  }
  const hidden = findAbsent({ ...input, actual: within(input.actual, input.hidden) });
  if (overLimit(input, without(absent, hidden)) && !agrees(input.confirms, absent)) {
    return held(absent, 'too much would go at once', true);
  }
  const reason =
    contradicted.length > 0
      ? 'the allocation runs, but its registration is missing'
      : `Nomad does not show the namespace ${input.hidden.join(', ')}`;
  const instances = new Set([...contradicted, ...hidden.instances]);
  return held({ instances: [...instances], backends: hidden.backends }, reason, false);
}

function without(absent: Absent, hidden: Absent): Absent {
  return {
    instances: absent.instances.filter((id) => !hidden.instances.includes(id)),
    backends: absent.backends.filter((name) => !hidden.backends.includes(name)),
  };
}

/** What serves those namespaces, and nothing else. */
function within(actual: ActualState, namespaces: readonly string[]): ActualState {
  const isIn = (service: string): boolean => namespaces.includes(namespaceOf(service));
  const backends = Object.entries(actual.backends).map(([name, one]) => {
    const slots = one.slots.filter(({ service }) => isIn(service));
    return [name, { ...one, slots, ours: one.ours && isIn(one.service ?? '') }] as const;
  });
  return { ...actual, backends: Object.fromEntries(backends) };
}

function held(absent: Absent, reason: string, releasable: boolean): Held | undefined {
  if (absent.instances.length + absent.backends.length === 0) return undefined;
  return { reason, instances: absent.instances, backends: absent.backends, releasable };
}

function agrees(confirms: Held | undefined, absent: Absent): boolean {
  if (confirms === undefined || confirms.untrusted === true) return false;
  const instances = new Set(confirms.instances);
  const backends = new Set(confirms.backends);
  return (
    absent.instances.every((id) => instances.has(id)) &&
    absent.backends.every((name) => backends.has(name))
  );
}

function findAbsent({ actual, desired, catalog }: GuardInput): Absent {
  const asked = [...desired.backends, ...desired.kept];
  const wanted = new Set(asked.flatMap(({ endpoints }) => endpoints.map(({ id }) => id)));
  const backends = new Set(desired.backends.map(({ name }) => name));
  const owned = Object.values(actual.backends);
  const skipped = skippedServices(desired);
  const known = new Set(desired.kept.map(({ service }) => service));
  // Of a skipped service whose instances are not known, nothing is absent: it stays as it is.
  const isKnown = ({ service }: ActualSlot) => !skipped.has(service) || known.has(service);
  const instances = owned
    .flatMap((one) => servingIds({ ...one, slots: one.slots.filter(isKnown) }))
    .filter((id) => !wanted.has(id) && !isLeaving(catalog.allocations[allocationOf(id)]));
  return {
    instances,
    backends: owned
      .filter((backend) => backend.ours && !backends.has(backend.name))
      .filter(({ service = '' }) => !skipped.has(service))
      .filter((backend) => !emptied(backend, catalog.allocations))
      .map(({ name }) => name),
  };
}

/** Every instance that it had was positively read as leaving, and it had one. */
function emptied(
  backend: ActualBackend,
  allocations: Readonly<Record<string, AllocationFacts>>,
): boolean {
  const ids = backend.slots.flatMap(({ binding }) => (binding ? [binding.id] : []));
  return ids.length > 0 && ids.every((id) => isLeaving(allocations[allocationOf(id)]));
}

function servingIds(backend: ActualBackend): string[] {
  return backend.slots.flatMap(({ binding }) =>
    binding !== undefined && binding.drainingSince === undefined ? [binding.id] : [],
  );
}

function overLimit({ actual, settings }: GuardInput, absent: Absent): boolean {
  const owned = Object.values(actual.backends);
  const servers = owned.flatMap(servingIds).length;
  const backends = owned.filter(({ ours }) => ours).length;
  const over = (part: number, whole: number): boolean =>
    part * 100 > whole * settings.maxRemovalPercent;
  return over(absent.instances.length, servers) || over(absent.backends.length, backends);
}
