/** Builds a Catalog from a complete read. */

import { compareText } from '../../../shared/compare.js';
import { keep } from '../../../shared/keep.js';
import { Memo } from '../../../shared/memo.js';
import { sameList, sameRecord } from '../../../shared/same.js';
import { mapInSlices, type Sliced } from '../../../shared/slices.js';
import { withoutBrackets } from './address-text.js';
import type { Declared } from './declarations.js';
import { toFacts, toInstance } from './instance.js';
import { keyOf, label, partsOf } from './keys.js';
import type { Unreadable } from '../../nomad/api.js';
import type { WireAllocation, WireInstance } from '../../nomad/answers/shapes.js';
import type { Snapshot } from './snapshot.js';
import type {
  AllocationFacts,
  Catalog,
  CatalogService,
  Trust,
  UnreadableService,
} from '../../types.js';
import { warningsOf } from './warnings.js';

/**
 * Builds the catalogs of consecutive reads. What didn't change is the same object as in the last one:
 * services, their instances, allocations, and the catalog itself. So what is made of a part need not
 * be made again.
 */
export class Assembler {
  #last: Catalog | undefined;
  readonly #services = new Memo<CatalogService>();
  /** Of allocations that are the same objects as before. */
  readonly #facts = new WeakMap<WireAllocation, AllocationFacts>();

  /** Service by service. */
  *assemble(snapshot: Snapshot, missing: readonly string[], trust: Trust): Sliced<Catalog> {
    const before = this.#last;
    const allocations = yield* this.#allocations(snapshot);
    const { services, unreadable } = yield* this.#readable(snapshot, allocations);
    yield;
    const made = {
      index: snapshot.index,
      services: sameList(before?.services, services),
      allocations: sameRecord(before?.allocations, allocations),
      ...(unreadable.length === 0 ? {} : { unreadable: keep(before?.unreadable, unreadable) }),
      missing: keep(before?.missing, missing),
      trust: keep(before?.trust, trust),
      warnings: keep(before?.warnings, warningsOf(snapshot, services)),
    };
    this.#last = sameCatalog(before, made);
    return this.#last;
  }

  *#allocations(snapshot: Snapshot): Sliced<Catalog['allocations']> {
    const before = this.#last?.allocations;
    const facts = yield* mapInSlices([...snapshot.allocations], ([id, alloc]) => {
      const known = this.#facts.get(alloc);
      if (known !== undefined) return [id, known] as const;
      const made = keep(before?.[id], toFacts(alloc));
      this.#facts.set(alloc, made);
      return [id, made] as const;
    });
    return Object.fromEntries(facts);
  }

  *#readable(snapshot: Snapshot, allocations: Catalog['allocations']): Sliced<Services> {
    this.#services.begin();
    const declared = declaredByService(snapshot);
    yield;
    const services: CatalogService[] = [];
    const unreadable: UnreadableService[] = [];
    const none: Snapshot = { ...snapshot, instances: new Map() };
    const skip = (key: string, { reason, limit }: Pick<Unreadable, 'reason' | 'limit'>): void => {
      const parts = { key, declared: declared.get(key) ?? [], snapshot: none, allocations };
      const { namespace, name, ...rest } = toService(parts);
      const why = `service ${label(namespace, name)} can't be read: ${reason}`;
      unreadable.push({ namespace, name, ...rest, reason: why, ...(limit ? { limit } : {}) });
    };
    for (const [key, why] of snapshot.unreadableServices) skip(key, why);
    for (const key of snapshot.enabled) {
      const parts = { key, declared: declared.get(key) ?? [], snapshot, allocations };
      try {
        services.push(
          this.#services.get(key, ingredients(parts), (before) => keep(before, toService(parts))),
        );
      } catch (error) {
        // A defect of ours, which one service's input brings out.
        skip(key, { reason: error instanceof Error ? error.message : String(error) });
      }
      yield;
    }
    return { services: services.sort(byName), unreadable: unreadable.sort(byName) };
  }
}

interface Services {
  readonly services: readonly CatalogService[];
  readonly unreadable: readonly UnreadableService[];
}

function sameCatalog(before: Catalog | undefined, made: Catalog): Catalog {
  const [was, is] = [Object.entries(before ?? {}), Object.entries(made)];
  const isSame =
    was.length === is.length &&
    was.every(([key, value]) => Object.is(value, made[key as keyof Catalog]));
  return before !== undefined && isSame ? before : made;
}

function declaredByService({ declared }: Snapshot): ReadonlyMap<string, readonly Declared[]> {
  const byService = new Map<string, Declared[]>();
  for (const entry of declared) {
    const key = keyOf(entry.namespace, entry.name);
    const known = byService.get(key);
    if (known === undefined) byService.set(key, [entry]);
    else known.push(entry);
  }
  return byService;
}

/** What a service is made from. */
interface ServiceParts {
  readonly key: string;
  readonly declared: readonly Declared[];
  readonly snapshot: Snapshot;
  readonly allocations: Catalog['allocations'];
}

/** All that `toService` reads: where none of it changed, neither did the service. */
function ingredients({ key, declared, snapshot }: ServiceParts): readonly unknown[] {
  const instances = snapshot.instances.get(key);
  const list: unknown[] = [instances, claimOf(key, instances ?? [], declared, snapshot)];
  for (const one of declared) list.push(one);
  for (const { AllocID, Address } of instances ?? []) {
    const alloc = snapshot.allocations.get(AllocID);
    list.push(alloc, snapshot.addresses.get(withoutBrackets(Address)));
    if (alloc === undefined) continue;
    list.push(snapshot.specOf(alloc), snapshot.unreadable.get(keyOf(alloc.Namespace, alloc.JobID)));
  }
  return list;
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

function byName(a: Named, b: Named): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

function toService({ key, declared, snapshot, allocations }: ServiceParts): CatalogService {
  const [namespace, name] = partsOf(key);
  const instances = snapshot.instances.get(key) ?? [];
  return {
    namespace,
    name,
    instances: instances
      .map((wire) => toInstance(wire, snapshot, allocations[wire.AllocID]))
      .sort((a, b) => compareText(a.id, b.id)),
    declarations: declared.map(({ declaration }) => declaration),
    claimedAt: claimOf(key, instances, declared, snapshot),
  };
}

/**
 * An instance may outlive the job that held the claim. So while instances with unlisted jobs exist,
 * the earlier claim counts.
 */
function claimOf(
  key: string,
  instances: readonly WireInstance[],
  declared: readonly Declared[],
  snapshot: Snapshot,
): number {
  const jobs = instances.map(({ Namespace, JobID }) => snapshot.jobs.get(keyOf(Namespace, JobID)));
  const before = jobs.includes(undefined) ? snapshot.claims.get(key) : undefined;
  return Math.min(
    before ?? Number.MAX_SAFE_INTEGER,
    ...jobs.map((job) => job?.CreateIndex ?? Number.MAX_SAFE_INTEGER),
    ...declared.map(({ declaration }) => declaration.jobCreateIndex),
  );
}
