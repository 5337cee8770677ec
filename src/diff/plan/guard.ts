import { namespaceOf } from '../../haproxy/ownership.js';
import type { ActualBackend, ActualSlot, ActualState } from '../../actual/types.js';
import type { GuardSettings } from '../../config/types.js';
import type { DesiredState } from '../../desired/types.js';
import { allocationOf, isLeaving } from '../../observe/catalog/model/allocation.js';
import type { AllocationFacts, Catalog } from '../../observe/types.js';
import type { Absences, Held } from '../types.js';
import { withoutPresent } from './absence.js';
import type { PlanInput } from './input.js';
import { backendsIn } from './server-facts.js';
import { skippedServices } from './skipped.js';
import { type Absent, overLimit } from './share.js';
import { judgeTraceless, presentKeys } from './traceless.js';

export interface GuardInput {
  readonly actual: ActualState;
  readonly desired: DesiredState;
  readonly catalog: Pick<Catalog, 'index' | 'allocations' | 'missing' | 'trust'>;
  readonly settings: GuardSettings;
  /** `sync.policy` keeps backends: none goes by its absence. */
  readonly keepsBackends?: boolean;
  /** Namespaces that are not in the catalog and that Nomad may have all the same. */
  readonly hidden: readonly string[];
  /** What the pass before held back, if this read was a full one that can confirm it. */
  readonly confirms?: Held;
  /** Instances whose job Nomad lists as stopped or purged. */
  readonly ended?: readonly string[];
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** What earlier passes missed without a trace. */
  readonly absences?: Absences;
}

export function guardInput({
  settings,
  now,
  nowMs,
  ended,
  absences,
  ...input
}: PlanInput): GuardInput {
  return {
    ...input,
    settings: settings.guard,
    ...(settings.sync.policy === 'sync' ? {} : { keepsBackends: true }),
    ended: ended ?? [],
    nowMs: nowMs ?? now * 1000,
    ...(absences === undefined ? {} : { absences }),
  };
}

export interface Guarded {
  readonly held?: Held;
  /** For the next pass. */
  readonly absences: Absences;
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
 * | the share without a trace is over the limit, or Nomad's index went back | held until it has lasted |
 * | the share of removals is over the limit | held until the next full read agrees; both trusted |
 * | otherwise | removed |
 */
export function guard(input: GuardInput): Guarded {
  if (input.settings.allowRemovals) return { absences: { readAt: 0, known: [] } };
  const absent = findAbsent(input);
  const isNone = absent.instances.length + absent.backends.length === 0;
  if (isNone && (input.absences?.known.length ?? 0) === 0) {
    return { absences: absencesOfNone(input) };
  }
  const { trust } = input.catalog;
  if (trust.removals === 'held') {
    const untrusted = held(absent, { reason: trust.reason, releasable: true, untrusted: true });
    const present = presentKeys(input.actual, absent);
    return { ...untrusted, absences: withoutPresent(input.absences, present) };
  }
  const hidden = findAbsent({ ...input, actual: within(input.actual, input.hidden) });
  const seen = without(absent, hidden);
  const { absences, waiting, lasting, reason } = judgeTraceless(
    { ...input, ended: input.ended ?? [] },
    seen,
  );
  const wait = lasting === undefined ? {} : { lasting };
  if (overLimit(input, seen) && !agrees(input.confirms, absent)) {
    const why = lasting === undefined ? 'too much would go at once' : reason;
    return { ...held(absent, { reason: why, releasable: true, ...wait }), absences };
  }
  const contradicted = absent.instances.filter((id) => input.catalog.missing.includes(id));
  const doubtful = {
    instances: [...new Set([...contradicted, ...hidden.instances, ...waiting.instances])],
    backends: [...hidden.backends, ...waiting.backends],
  };
  const why = lasting === undefined ? doubtOf(contradicted, input.hidden) : reason;
  const releasable = lasting !== undefined;
  return { ...held(doubtful, { reason: why, releasable, ...wait }), absences };
}

/** Where nothing is absent, and nothing was. */
export function absencesOfNone({ settings, catalog, nowMs, absences }: GuardInput): Absences {
  if (settings.allowRemovals) return { readAt: 0, known: [] };
  if (catalog.trust.removals === 'held') return withoutPresent(absences, new Set());
  return { readAt: nowMs, known: [] };
}

function doubtOf(contradicted: readonly string[], hidden: readonly string[]): string {
  return contradicted.length > 0
    ? 'the allocation runs, but its registration is missing'
    : `Nomad does not show the namespace ${hidden.join(', ')}`;
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

function held(
  { instances, backends }: Absent,
  { reason, ...more }: Omit<Held, 'instances' | 'backends'>,
): { readonly held?: Held } {
  if (instances.length + backends.length === 0) return {};
  return { held: { reason, instances, backends, ...more } };
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

function findAbsent({ actual, desired, catalog, keepsBackends = false }: GuardInput): Absent {
  const asked = [...desired.backends, ...desired.kept];
  const wanted = new Set<string>();
  for (const { endpoints } of asked) for (const { id } of endpoints) wanted.add(id);
  const backends = new Set(desired.backends.map(({ name }) => name));
  const owned = backendsIn(actual);
  const skipped = skippedServices(desired);
  const known = new Set(desired.kept.map(({ service }) => service));
  // Of a skipped service whose instances are not known, nothing is absent: it stays as it is.
  const isKnown = ({ service }: ActualSlot) => !skipped.has(service) || known.has(service);
  const isAbsent = ({ binding }: ActualSlot): boolean =>
    binding !== undefined &&
    binding.drainingSince === undefined &&
    !wanted.has(binding.id) &&
    !isLeaving(catalog.allocations[allocationOf(binding.id)]);
  return {
    instances: owned.flatMap(({ slots }) =>
      slots
        .filter((slot) => isAbsent(slot) && isKnown(slot))
        .map(({ binding }) => binding?.id ?? ''),
    ),
    backends: owned
      .filter((backend) => !keepsBackends && backend.ours && !backends.has(backend.name))
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
