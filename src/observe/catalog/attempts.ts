/**
 * One reading of Nomad's lists and of what changed in them. Services are read before allocations, so
 * that an instance's allocation is always older than the list it is looked up in. Three requests if
 * nothing changed: services, allocations, jobs.
 */

import type PQueue from 'p-queue';
import { Memo, memoLast } from '../../shared/memo.js';
import { sameList } from '../../shared/same.js';
import { breathe, runInSlices } from '../../shared/slices.js';
import { createAddressBook, type AddressBook, type Lookup } from './addresses.js';
import { AllocationReader, type AllocationsRead, type OnSight } from './allocations.js';
import { InstanceCache, type ServicesRead } from './instances.js';
import { isHostName, withoutBrackets } from './model/address-text.js';
import {
  Declarations,
  declaresServices,
  optedIn,
  type Declared,
  type LastTags,
} from './model/declarations.js';
import { relevantAllocations } from './model/hints.js';
import { isReadableName, keyOf, partsOf } from './model/keys.js';
import { servicesOf } from './model/offered.js';
import { nameKey, type ServiceName } from './model/service-names.js';
import { enabledInstances, type Snapshot } from './model/snapshot.js';
import type { News } from './news.js';
import type { Indexed, NomadApi } from '../nomad/api.js';
import type { WireAllocation, WireInstance, WireJobStub } from '../nomad/answers/shapes.js';
import type { Indexes } from '../nomad/answers/trust.js';
import { SpecCache, type SpecProblems } from './spec-cache.js';

export interface Attempt {
  /** The same object as in the last attempt if nothing changed. */
  readonly snapshot: Snapshot;
  readonly indexes: Indexes;
  /** Why the read isn't one consistent state. */
  readonly torn?: string;
  /** The only problem is that its answers have different indexes. */
  readonly moved: boolean;
  /** Some of it stands on the stream's word: what it lacks may be there all the same. */
  readonly isPartial: boolean;
  /** The stream has kept back a change: all of its word is in doubt. */
  readonly isDoubted: boolean;
  /** Keys of services whose instances were read at an earlier index. */
  readonly older: ReadonlySet<string>;
  /** So was the list of services. */
  readonly caughtUp: boolean;
}

/** What earlier reads left. */
export interface Before {
  readonly lastTags: LastTags;
  /** By service key. */
  readonly claims: ReadonlyMap<string, number>;
  /** Of the last read. */
  readonly indexes: Indexes | undefined;
}

interface Lists {
  readonly services: ServicesRead;
  readonly allocations: AllocationsRead;
  readonly jobs: Indexed<readonly WireJobStub[]>;
}

function indexesOf({ services, allocations, jobs }: Lists): Indexes {
  return { services: services.index, allocations: allocations.index, jobs: jobs.index };
}

export interface AttemptsOptions {
  readonly api: NomadApi;
  readonly queue: PQueue;
  readonly namespaces: readonly string[];
  readonly tagPrefix: string;
  readonly news: News;
  /** Milliseconds. */
  readonly now: () => number;
  readonly lookup?: Lookup;
}

/** State kept between reads. All of it may be lost without harm. */
export class Attempts {
  readonly specs: SpecCache;
  readonly #api: NomadApi;
  readonly #namespaces: readonly string[];
  readonly #prefix: string;
  readonly #instances: InstanceCache;
  readonly #allocations: AllocationReader;
  readonly #addresses: AddressBook;
  readonly #declarations: Declarations;
  readonly #joined = new Memo<readonly WireJobStub[]>();
  readonly #registered = memoLast(registeredIn);
  readonly #wanted = memoLast((names: readonly ServiceName[], declared: readonly Declared[]) => {
    const opted = optedIn(names, declared, this.#prefix);
    return names.filter((one) => isReadableName(one.name) && opted.has(nameKey(one)));
  });
  /** The last attempt, if it is the same whenever it is made of the same parts. */
  #steady: { readonly parts: readonly unknown[]; readonly attempt: Attempt } | undefined;
  #onSight: OnSight | undefined;

  constructor({ api, queue, namespaces, tagPrefix, news, now, lookup }: AttemptsOptions) {
    this.#api = api;
    this.#namespaces = namespaces;
    this.#prefix = tagPrefix;
    this.specs = new SpecCache(api, queue);
    this.#instances = new InstanceCache(api, queue, namespaces, news);
    this.#allocations = new AllocationReader(api, namespaces, now);
    this.#declarations = new Declarations(tagPrefix);
    this.#addresses = createAddressBook(lookup === undefined ? {} : { lookup });
  }

  /** Before the attempts of a read. `onSight`: see `AllocationReader`. */
  begin(onSight?: OnSight): void {
    this.#onSight = onSight;
    this.#instances.begin();
  }

  /** The read's other attempts take nothing for granted: they read all instances and allocations. */
  expire(): void {
    this.#instances.expire();
    this.#allocations.expire();
  }

  get isExpired(): boolean {
    return this.#instances.isExpired;
  }

  /** The next one also asks for allocations that ended. */
  askForEnded(): void {
    this.#allocations.refresh();
  }

  forget(): void {
    this.#instances.clear();
    this.#allocations.clear();
    this.specs.clear();
    this.#steady = undefined;
  }

  async make(before: Before, signal: AbortSignal): Promise<Attempt> {
    const services = await this.#readServices(before, signal);
    const registered = this.#registered(services.instances);
    const allocations = await this.#allocations.read(registered, signal, this.#onSight);
    await breathe();
    const jobs = await this.#jobs(signal);
    await breathe();
    const indexes = indexesOf({ services, allocations, jobs });
    const { index, names, instances } = services;
    const read = [index, names, instances, allocations.allocations, jobs.body];
    const parts = [...read, before.lastTags, before.claims];
    const last = this.#steady;
    if (last !== undefined && services.whole && sameList(last.parts, parts) === last.parts) {
      const { older, caughtUp } = services;
      const isPartial = services.onWord.size > 0;
      return { ...last.attempt, indexes, isPartial, older, caughtUp };
    }
    const { attempt, isSteady } = await this.#build(
      { services, allocations, jobs },
      before,
      signal,
    );
    this.#steady = isSteady ? { parts, attempt } : undefined;
    return attempt;
  }

  async #build(lists: Lists, before: Before, signal: AbortSignal) {
    const { services, allocations, jobs } = lists;
    const problems: SpecProblems = { gone: [], oversized: new Set(), unreadable: new Map() };
    const stubs = byKey(jobs.body);
    const live = byKey(jobs.body.filter(declaresServices));
    const changed = await this.specs.readLive(live, problems, signal);
    await breathe();
    const { snapshot, hosts } = await this.#snapshot(lists, stubs, problems, before);
    await breathe();
    await this.specs.readOlder(relevantAllocations(snapshot), stubs, problems, signal);
    const indexes = indexesOf(lists);
    await breathe();
    const offered = await runInSlices(
      servicesOf({ specs: changed, allocs: allocations.changed, snapshot }),
    );
    await breathe();
    const isDoubted = await this.#isDoubted(offered, services, signal);
    const torn = this.#tornOf(services, snapshot, problems);
    const { onWord, older, caughtUp } = services;
    const isPartial = onWord.size > 0;
    const attempt = { snapshot, indexes, ...torn, isDoubted, isPartial, older, caughtUp };
    // Host names, and what could not be read, are looked at again in every read.
    const open = hosts.length + services.unreadable.size + problems.unreadable.size;
    return { attempt, isSteady: open === 0 && torn.torn === undefined && !isDoubted };
  }

  /** Whether a service that changed allocations or jobs offer is another than the stream's word says. */
  async #isDoubted(
    offered: ReadonlySet<string>,
    services: ServicesRead,
    signal: AbortSignal,
  ): Promise<boolean> {
    const keys = [...offered].filter((key) => services.onWord.has(key));
    return keys.length > 0 && this.#instances.check(keys, services.toldTo, signal);
  }

  #tornOf(
    services: ServicesRead,
    { enabled }: Snapshot,
    { gone }: SpecProblems,
  ): Pick<Attempt, 'torn' | 'moved'> {
    const unread = services.names.filter(
      (name) => enabled.has(keyOf(name.namespace, name.name)) && !this.#instances.has(name),
    );
    const incomplete =
      gone[0]?.concat(' disappeared during the read') ??
      (unread.length === 0 ? undefined : 'services opted in during the read');
    const torn = (services.whole ? undefined : 'the catalog changed during the read') ?? incomplete;
    const moved = !services.whole && incomplete === undefined;
    return { moved, ...(torn === undefined ? {} : { torn }) };
  }

  #readServices({ lastTags }: Before, signal: AbortSignal): Promise<ServicesRead> {
    const declared = this.#declarations.of(this.specs.liveSpecs, lastTags);
    return this.#instances.readServices((names) => this.#wanted(names, declared), signal);
  }

  async #snapshot(
    { services, allocations: { allocations } }: Lists,
    jobs: ReadonlyMap<string, WireJobStub>,
    problems: SpecProblems,
    { lastTags, claims }: Before,
  ): Promise<{ readonly snapshot: Snapshot; readonly hosts: readonly string[] }> {
    const declared = this.#declarations.of(this.specs.liveSpecs, lastTags);
    const opted = [...optedIn(services.names, declared, this.#prefix)];
    const unreadable = new Set(opted.filter((key) => !isReadableName(partsOf(key)[1])));
    const enabled = opted.filter((key) => !unreadable.has(key) && !services.unreadable.has(key));
    const { instances } = services;
    const hosts = enabledInstances({ enabled: new Set(enabled), instances })
      .map(({ Address }) => withoutBrackets(Address))
      .filter(isHostName);
    const snapshot = {
      index: services.index,
      names: services.names,
      enabled: new Set(enabled),
      unreadableNames: [...unreadable],
      unreadableServices: services.unreadable,
      ...{ instances, allocations, jobs, declared, claims },
      specOf: (alloc: WireAllocation) => this.specs.specOf(alloc, jobs),
      unreadable: problems.unreadable,
      oversized: problems.oversized,
      addresses: await this.#addresses.resolve(hosts),
    };
    return { snapshot, hosts };
  }

  async #jobs(signal: AbortSignal): Promise<Indexed<readonly WireJobStub[]>> {
    const lists: Indexed<readonly WireJobStub[]>[] = [];
    for (const namespace of this.#namespaces) lists.push(await this.#api.jobs(namespace, signal));
    const bodies = lists.map(({ body }) => body);
    this.#joined.begin();
    return {
      index: Math.min(...lists.map(({ index }) => index)),
      body: this.#joined.get('jobs', bodies, () => bodies.flat()),
    };
  }
}

function registeredIn(instances: ReadonlyMap<string, readonly WireInstance[]>): Set<string> {
  return new Set([...instances.values()].flat().map(({ AllocID }) => AllocID));
}

function byKey(jobs: readonly WireJobStub[]): ReadonlyMap<string, WireJobStub> {
  return new Map(jobs.map((job) => [keyOf(job.Namespace, job.ID), job]));
}
