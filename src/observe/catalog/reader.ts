/**
 * One full read of Nomad. Services are read before allocations, so that an instance's allocation is
 * always older than the list it is looked up in. Three requests if nothing changed: services,
 * allocations, jobs.
 */

import PQueue from 'p-queue';
import { ConnectorError } from '../../shared/errors.js';
import { isHostName, withoutBrackets } from './model/address-text.js';
import { createAddressBook, type AddressBook, type Lookup } from './addresses.js';
import { AllocationReader } from './allocations.js';
import { assemble } from './model/assemble.js';
import { declarationsOf, declaresServices, optedIn, type Declared } from './model/declarations.js';
import { claimsOf, relevantAllocations, tagsToKeep } from './model/hints.js';
import { absenceDoubt, allocationsMissing, everywhere, unlistedJobs } from './model/doubts.js';
import { InstanceCache, type ServicesRead } from './instances.js';
import { isReadableName, keyOf, label, namespacesOf, partsOf } from './model/keys.js';
import { missingInstances } from './model/missing.js';
import { NamespaceWatch } from './namespaces.js';
import { maxReadSockets } from '../nomad/agents.js';
import { isAddressable } from './job-endpoint.js';
import { nomadApi, type Indexed, type NomadApi } from '../nomad/api.js';
import type { NomadClient } from '../nomad/client.js';
import type { WireAllocation, WireInstance, WireJobStub } from '../nomad/answers/shapes.js';
import { lostAtSameIndex, type Registered, registeredAt } from './model/same-index.js';
import { enabledInstances, type Snapshot } from './model/snapshot.js';
import { isQuietLine, noneQuiet, quietJobs, type QuietJobs } from './model/quiet.js';
import { EndedJobs } from './ended-jobs.js';
import { settle } from './model/settle.js';
import { SpecCache, type SpecProblems } from './spec-cache.js';
import { wentBack, type Indexes } from '../nomad/answers/trust.js';
import type { Catalog, ServedInstance, Trust } from '../types.js';

export interface CatalogReader {
  /** `full` reads all instances again, regardless of the index. */
  read(options: { full?: boolean; signal: AbortSignal }): Promise<Catalog>;
  /**
   * Those of the given namespaces in which absence can't be trusted: the last read lacked them but
   * they may still exist (only with `*`; for named namespaces a refusal is an error anyway), or it
   * could not tell what all their jobs declare.
   */
  hidden(namespaces: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** IDs of these instances that the last read lacks and whose job Nomad lists as stopped or purged. */
  ended(served: readonly ServedInstance[], signal: AbortSignal): Promise<readonly string[]>;
  /** The namespaces that the last read saw. */
  namespaces(): readonly string[];
  /**
   * Whether a line of the event stream is irrelevant to the last read, so that it needs no wake.
   */
  isQuiet(line: string): boolean;
}

export interface CatalogReaderOptions {
  readonly client: NomadClient;
  /** `*`, one, or a comma-separated list. */
  readonly namespace: string;
  readonly tagPrefix: string;
  readonly lookup?: Lookup;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** Retries of a torn read before its removals are held. */
const maxAttempts = 3;

interface Attempt {
  readonly snapshot: Snapshot;
  readonly indexes: Indexes;
  /** Why the read isn't one consistent state. */
  readonly torn?: string;
  /** The only problem is that its answers have different indexes. */
  readonly moved: boolean;
}

export function createCatalogReader(options: CatalogReaderOptions): CatalogReader {
  const pass = new CatalogPass(options);
  return {
    read: ({ full = false, signal }) => pass.read(full, signal),
    hidden: (namespaces, signal) => pass.hidden(namespaces, signal),
    ended: (served, signal) => pass.ended(served, signal),
    namespaces: () => pass.watch.seen,
    isQuiet: (line) => isQuietLine(line, pass.quiet),
  };
}

/** State kept between reads. All of it may be lost without harm. */
class CatalogPass {
  readonly watch: NamespaceWatch;
  quiet: QuietJobs = noneQuiet;
  readonly #api: NomadApi;
  readonly #namespaces: readonly string[];
  readonly #queue = new PQueue({ concurrency: maxReadSockets });
  readonly #instances: InstanceCache;
  readonly #allocations: AllocationReader;
  readonly #specs: SpecCache;
  readonly #endedJobs: EndedJobs;
  readonly #addresses: AddressBook;
  readonly #prefix: string;
  #indexes: Indexes | undefined;
  /** What was registered at the last index. */
  #registered: Registered | undefined;
  /** How an index went back, until a read has told of it. */
  #back: string | undefined;
  /** The last read's only problem was that it had no single index. */
  #moving = false;
  /** Namespaces with jobs whose services are unknown. */
  #doubtful: readonly string[] = [];
  #lastTags: ReadonlyMap<string, readonly string[]> = new Map();
  #claims: ReadonlyMap<string, number> = new Map();

  constructor(options: CatalogReaderOptions) {
    this.#api = nomadApi(options.client);
    this.#prefix = options.tagPrefix;
    this.#namespaces = namespacesOf(options.namespace);
    this.#instances = new InstanceCache(this.#api, this.#queue, this.#namespaces);
    this.#allocations = new AllocationReader(this.#api, this.#namespaces, options.now ?? Date.now);
    this.#specs = new SpecCache(this.#api, this.#queue);
    this.#endedJobs = new EndedJobs(this.#api, this.#queue, this.#namespaces);
    this.watch = new NamespaceWatch(this.#api);
    this.#addresses = createAddressBook(
      options.lookup === undefined ? {} : { lookup: options.lookup },
    );
  }

  async read(full: boolean, signal: AbortSignal): Promise<Catalog> {
    if (full) {
      this.#instances.clear();
      this.#allocations.refresh();
    }
    let attempt = await this.#attempt(signal);
    let before = attempt;
    const back = wentBack(this.#indexes, attempt.indexes);
    if (back !== undefined) {
      this.#forget(back);
      attempt = await this.#attempt(signal);
    }
    for (let tries = 1; attempt.torn !== undefined && tries < maxAttempts; tries += 1) {
      before = attempt;
      attempt = await this.#attempt(signal);
    }
    const catalog = await this.#conclude(this.#settled(attempt, before), signal);
    this.#moving = attempt.moved;
    return catalog;
  }

  async hidden(namespaces: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const doubtful = namespaces.filter((one) => this.#doubtful.includes(one));
    if (!this.#namespaces.includes('*')) return doubtful;
    return [...new Set([...doubtful, ...(await this.watch.hidden(namespaces, signal))])];
  }

  ended(served: readonly ServedInstance[], signal: AbortSignal): Promise<readonly string[]> {
    return this.#endedJobs.among(served, signal);
  }

  async #attempt(signal: AbortSignal): Promise<Attempt> {
    const problems: SpecProblems = { gone: [], unreadable: new Map() };
    const known = optedIn([], this.#declared(), this.#prefix);
    const services = await this.#readServices(known, signal);
    const allocations = await this.#allocations.read(registeredIn(services.instances), signal);
    const jobs = await this.#list((namespace) => this.#api.jobs(namespace, signal));
    const stubs = byKey(jobs.body);
    await this.#specs.readLive(byKey(jobs.body.filter(declaresServices)), problems, signal);
    const snapshot = await this.#snapshot(services, allocations.allocations, stubs, problems);
    await this.#specs.readOlder(relevantAllocations(snapshot), stubs, problems, signal);
    const unread = services.names.filter(
      (name) =>
        snapshot.enabled.has(keyOf(name.namespace, name.name)) && !this.#instances.has(name),
    );
    const incomplete =
      problems.gone[0]?.concat(' disappeared during the read') ??
      (unread.length === 0 ? undefined : 'services opted in during the read');
    const torn = (services.whole ? undefined : 'the catalog changed during the read') ?? incomplete;
    const moved = !services.whole && incomplete === undefined;
    const indexes = { services: services.index, allocations: allocations.index, jobs: jobs.index };
    return { snapshot, indexes, moved, ...(torn === undefined ? {} : { torn }) };
  }

  /**
   * The first read that only changed midway holds removals. Consecutive ones decide what is gone.
   */
  #settled(attempt: Attempt, before: Attempt): Attempt {
    if (!attempt.moved || !before.moved || !this.#moving) return attempt;
    const { indexes, moved } = attempt;
    return { snapshot: settle(attempt.snapshot, before.snapshot), indexes, moved };
  }

  #readServices(known: ReadonlySet<string>, signal: AbortSignal): Promise<ServicesRead> {
    return this.#instances.readServices(
      (service) =>
        isReadableName(service.name) &&
        (known.has(keyOf(service.namespace, service.name)) ||
          optedIn([service], [], this.#prefix).size > 0),
      signal,
    );
  }

  async #snapshot(
    services: ServicesRead,
    allocations: ReadonlyMap<string, WireAllocation>,
    jobs: ReadonlyMap<string, WireJobStub>,
    problems: SpecProblems,
  ): Promise<Snapshot> {
    const declared = this.#declared();
    const opted = [...optedIn(services.names, declared, this.#prefix)];
    const enabled = new Set(opted.filter((key) => isReadableName(partsOf(key)[1])));
    const hosts = enabledInstances({ enabled, instances: services.instances })
      .map(({ Address }) => withoutBrackets(Address))
      .filter(isHostName);
    return {
      index: services.index,
      names: services.names,
      enabled,
      unreadableNames: opted.filter((key) => !enabled.has(key)),
      instances: services.instances,
      allocations,
      jobs,
      declared,
      specOf: (alloc) => this.#specs.specOf(alloc, jobs),
      unreadable: problems.unreadable,
      addresses: await this.#addresses.resolve(hosts),
      claims: this.#claims,
    };
  }

  async #conclude(
    { snapshot, indexes, torn, moved }: Attempt,
    signal: AbortSignal,
  ): Promise<Catalog> {
    const lie = allocationsMissing(snapshot);
    if (lie !== undefined) throw new ConnectorError('nomad-untrusted', lie);
    const vanished = await this.watch.confirm(snapshot, signal);
    const missing = missingInstances(snapshot);
    const doubts = new Map([...unlistedJobs(snapshot), ...this.#unknownSpecs(snapshot)]);
    const reason =
      this.#back ??
      (torn === undefined ? undefined : `torn read: ${torn}`) ??
      vanished ??
      absenceDoubt(snapshot, missing) ??
      everywhere(doubts, snapshot) ??
      (moved ? undefined : lostAtSameIndex(this.#registered, snapshot));
    this.#doubtful = [...doubts.keys()];
    const catalog = assemble(
      snapshot,
      missing.map(({ id }) => id),
      toTrust(reason, torn !== undefined),
    );
    this.#remember(snapshot, indexes, catalog);
    if (torn === undefined && !moved) this.#registered = registeredAt(snapshot, this.#registered);
    return catalog;
  }

  /**
   * By namespace, a job whose services are unknown, so that each would look removed. A job ID that
   * no URL can contain was never known, so none of its services is routed.
   */
  #unknownSpecs(snapshot: Snapshot): ReadonlyMap<string, string> {
    const unknown = [...snapshot.unreadable.keys()].filter(
      (jobKey) => this.#mayDeclare(snapshot, jobKey) && !this.#specs.isKnown(jobKey),
    );
    return new Map(
      unknown
        .map((jobKey) => partsOf(jobKey))
        .filter(([, id]) => isAddressable(id))
        .map(([namespace, id]) => [
          namespace,
          `the services of job ${label(namespace, id)} are unknown`,
        ]),
    );
  }

  #mayDeclare(snapshot: Snapshot, jobKey: string): boolean {
    const job = snapshot.jobs.get(jobKey);
    return job !== undefined && declaresServices(job);
  }

  #remember(snapshot: Snapshot, indexes: Indexes, catalog: Catalog): void {
    this.#indexes = indexes;
    this.#endedJobs.remember(snapshot.jobs.values(), catalog);
    this.#back = undefined;
    this.#specs.prune(relevantAllocations(snapshot), snapshot.jobs);
    this.#claims = claimsOf(catalog);
    this.quiet = quietJobs(this.#specs.liveSpecs, snapshot.enabled, this.#prefix, this.quiet);
    this.#lastTags = tagsToKeep(snapshot, this.#lastTags);
  }

  #declared(): readonly Declared[] {
    return declarationsOf(this.#specs.liveSpecs, this.#prefix, this.#lastTags);
  }

  async #list<T>(
    read: (namespace: string) => Promise<Indexed<readonly T[]>>,
  ): Promise<Indexed<readonly T[]>> {
    const lists: Indexed<readonly T[]>[] = [];
    for (const namespace of this.#namespaces) lists.push(await read(namespace));
    return {
      index: Math.min(...lists.map(({ index }) => index)),
      body: lists.flatMap(({ body }) => body),
    };
  }

  #forget(back: string): void {
    this.#back = back;
    this.#moving = false;
    this.#instances.clear();
    this.#allocations.clear();
    this.#specs.clear();
    this.#indexes = undefined;
    this.#registered = undefined;
  }
}

function toTrust(reason: string | undefined, torn: boolean): Trust {
  if (reason === undefined) return { removals: 'allowed' };
  return { removals: 'held', reason, ...(torn ? { torn } : {}) };
}

function registeredIn(instances: ReadonlyMap<string, readonly WireInstance[]>): Set<string> {
  return new Set([...instances.values()].flat().map(({ AllocID }) => AllocID));
}

function byKey(jobs: readonly WireJobStub[]): ReadonlyMap<string, WireJobStub> {
  return new Map(jobs.map((job) => [keyOf(job.Namespace, job.ID), job]));
}
