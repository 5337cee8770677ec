/**
 * Reads Nomad, and judges what a read is worth. The first read is a full one. Later ones read again
 * what changed: allocations and jobs by the indexes in their lists, services by what the event stream
 * has named. A full read follows at intervals, after any doubt, and before absence says anything: see
 * docs/adr/0022.
 */

import PQueue from 'p-queue';
import { ConnectorError } from '../../shared/errors.js';
import { sameMap } from '../../shared/same.js';
import { breathe, runInSlices } from '../../shared/slices.js';
import type { Lookup } from './addresses.js';
import { Attempts, type Attempt } from './attempts.js';
import { Assembler } from './model/assemble.js';
import { declaresServices } from './model/declarations.js';
import { claimsOf, relevantAllocations, tagsToKeep } from './model/hints.js';
import { absenceDoubt, allocationsMissing, everywhere, unlistedJobs } from './model/doubts.js';
import { leaversNamed, readLine, servicesNamed } from './model/events.js';
import { Leavers } from './leavers.js';
import { namespacesOf } from '../../config/namespaces.js';
import { label, partsOf } from './model/keys.js';
import { lacksWithoutCause, seenIn, type Seen } from './model/lost.js';
import { findMissing, missingInstances } from './model/missing.js';
import { NamespaceWatch } from './namespaces.js';
import { maxReadSockets } from '../nomad/agents.js';
import type { OnSight } from './allocations.js';
import { isAddressable } from './job-endpoint.js';
import { nomadApi } from '../nomad/api.js';
import type { NomadClient } from '../nomad/client.js';
import { StreamNews } from './news.js';
import { lostAtSameIndex, type Registered, registeredAt } from './model/same-index.js';
import type { Snapshot } from './model/snapshot.js';
import { areQuiet, noneQuiet, quietJobs, type QuietJobs } from './model/quiet.js';
import { EndedJobs } from './ended-jobs.js';
import { settle } from './model/settle.js';
import { wentBack, type Indexes } from '../nomad/answers/trust.js';
import type { Listener } from '../wake/types.js';
import type { Catalog, ServedInstance, Trust } from '../types.js';

/** As a listener, it takes note of which services the event stream names. */
export interface CatalogReader extends Listener {
  /**
   * `full` reads all instances and allocations again, whatever is known of them. What did not change
   * is the same object as in the last catalog. `onSight` is told of allocations that changed before
   * the rest is read: the read may still fail, or find that it can't be trusted.
   */
  read(options: ReadOptions): Promise<Catalog>;
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
}

export interface ReadOptions {
  readonly full?: boolean;
  readonly onSight?: OnSight;
  readonly signal: AbortSignal;
}

export interface CatalogReaderOptions {
  readonly client: NomadClient;
  /** `*`, one, or a comma-separated list. */
  readonly namespace: string;
  readonly tagPrefix: string;
  /** Longest time between two full reads, in milliseconds. Default: 5 minutes. */
  readonly fullReadIntervalMs?: number;
  /** How long an event of the stream may be behind an answer, in milliseconds. */
  readonly eventLateMs?: number;
  readonly lookup?: Lookup;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** Attempts before a torn read's removals are held, and before a contradiction is an error. */
const maxAttempts = 3;

export function createCatalogReader(options: CatalogReaderOptions): CatalogReader {
  const pass = new CatalogPass(options);
  return {
    read: (readOptions) => pass.read(readOptions),
    hidden: (namespaces, signal) => pass.hidden(namespaces, signal),
    ended: (served, signal) => pass.ended(served, signal),
    namespaces: () => pass.watch.seen,
    hear: (line) => pass.hear(line),
    connected: (is) => pass.news.connected(is),
    wentBack: (index) => pass.wentBack(index),
  };
}

/** State kept between reads. All of it may be lost without harm. */
class CatalogPass {
  readonly watch: NamespaceWatch;
  readonly news: StreamNews;
  #quiet: QuietJobs = noneQuiet;
  readonly #namespaces: readonly string[];
  readonly #attempts: Attempts;
  readonly #leavers: Leavers;
  readonly #endedJobs: EndedJobs;
  readonly #assembler = new Assembler();
  readonly #prefix: string;
  readonly #now: () => number;
  readonly #fullReadIntervalMs: number;
  #indexes: Indexes | undefined;
  /** What was registered at the last index. */
  #registered: Registered | undefined;
  /** How an index went back, until a read has told of it. */
  #back: string | undefined;
  /** The same, as the blocking query saw it between two reads. */
  #lower: string | undefined;
  /** The last read's only problem was that it had no single index. */
  #moving = false;
  /** The last read ended with a contradiction: the next one has a single attempt. */
  #contradicted = false;
  /** The next read has to be a full one: the last one failed or was torn. */
  #inDoubt = true;
  /** Time of the last full read. */
  #fullAt = -Infinity;
  #seen: Seen | undefined;
  /** The last read, if the same snapshot is the same catalog. */
  #concluded: { readonly snapshot: Snapshot; readonly catalog: Catalog } | undefined;
  /** Namespaces with jobs whose services are unknown. */
  #doubtful: readonly string[] = [];
  #lastTags: ReadonlyMap<string, readonly string[]> = new Map();
  #claims: ReadonlyMap<string, number> = new Map();

  constructor(options: CatalogReaderOptions) {
    const api = nomadApi(options.client);
    const queue = new PQueue({ concurrency: maxReadSockets });
    const { tagPrefix, now = Date.now, lookup } = options;
    this.news = new StreamNews(options.eventLateMs);
    this.#prefix = tagPrefix;
    this.#now = now;
    this.#fullReadIntervalMs = options.fullReadIntervalMs ?? 300_000;
    this.#namespaces = namespacesOf(options.namespace);
    this.#attempts = new Attempts({
      ...{ api, queue, tagPrefix, now, news: this.news, namespaces: this.#namespaces },
      ...(lookup === undefined ? {} : { lookup }),
    });
    this.#leavers = new Leavers(api);
    this.#endedJobs = new EndedJobs(api, queue, this.#namespaces);
    this.watch = new NamespaceWatch(api);
  }

  read(options: ReadOptions): Promise<Catalog> {
    const { onSight = () => undefined, signal } = options;
    const known = this.#concluded?.catalog.allocations ?? {};
    return this.#leavers.during(this.#read(options), known, onSight, signal);
  }

  async #read({ full = false, onSight, signal }: ReadOptions): Promise<Catalog> {
    if (this.#lower !== undefined) this.#forget(this.#lower);
    this.#attempts.begin(onSight);
    if (full) this.#attempts.askForEnded();
    const isDue = this.#now() - this.#fullAt >= this.#fullReadIntervalMs;
    if (full || this.#inDoubt || isDue) this.#attempts.expire();
    this.#inDoubt = true;
    const attempt = await this.#proven(await this.#try(signal), signal);
    const catalog = await this.#conclude(attempt, signal);
    this.#moving = attempt.moved;
    this.#inDoubt = this.#moving;
    if (this.#attempts.isExpired && !this.#moving) this.#fullAt = this.#now();
    return catalog;
  }

  /** What a partial read lacks, and what the stream has kept back, is a matter for a full one. */
  async #proven(attempt: Attempt, signal: AbortSignal): Promise<Attempt> {
    const { snapshot, isPartial, isDoubted } = attempt;
    if (!isPartial || (snapshot === this.#concluded?.snapshot && !isDoubted)) return attempt;
    const lacks = this.#seen !== undefined && lacksWithoutCause(this.#seen, snapshot);
    if (!lacks && !isDoubted) return attempt;
    this.#attempts.expire();
    return this.#try(signal);
  }

  async #try(signal: AbortSignal): Promise<Attempt> {
    let attempt = await this.#attempt(signal);
    let before = attempt;
    const back = wentBack(this.#indexes, attempt.indexes);
    if (back !== undefined) {
      this.#forget(back);
      attempt = await this.#attempt(signal);
    }
    for (let tries = 1; tries < maxAttempts; tries += 1) {
      const lie = allocationsMissing(attempt.snapshot);
      if (attempt.torn === undefined && lie === undefined) break;
      // One that lasts is left to the loop, whose retries back off: none costs more than a full read.
      if (lie !== undefined && this.#contradicted) break;
      // A purge takes Nomad several writes: its jobs and allocations can go before its services.
      if (lie !== undefined) this.#attempts.expire();
      before = attempt;
      const isDoubted = before.isDoubted;
      attempt = await this.#attempt(signal);
      if (isDoubted) attempt = { ...attempt, isDoubted };
    }
    return this.#settled(attempt, before);
  }

  async #attempt(signal: AbortSignal): Promise<Attempt> {
    const before = { lastTags: this.#lastTags, claims: this.#claims, indexes: this.#indexes };
    const attempt = await this.#attempts.make(before, signal);
    await runInSlices(findMissing(attempt.snapshot));
    await breathe();
    return attempt;
  }

  /** Whether the line only has events that are irrelevant to the last read, so that it needs no wake. */
  hear(text: string | undefined): boolean {
    const line = text === undefined ? undefined : readLine(text);
    const services = line === undefined ? undefined : servicesNamed(line);
    if (line === undefined || services === undefined) {
      this.news.missed();
      return false;
    }
    this.news.heard(line.index, services);
    this.#leavers.heard(leaversNamed(line));
    return areQuiet(line.events, this.#quiet);
  }

  /** A restored snapshot may be further on again by the next read. */
  wentBack(index: number): void {
    const before = this.#indexes?.services ?? 0;
    if (index >= before) return;
    this.#lower = `Nomad's index of services went back from ${before} to ${index}`;
  }

  async hidden(namespaces: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const doubtful = namespaces.filter((one) => this.#doubtful.includes(one));
    if (!this.#namespaces.includes('*')) return doubtful;
    return [...new Set([...doubtful, ...(await this.watch.hidden(namespaces, signal))])];
  }

  ended(served: readonly ServedInstance[], signal: AbortSignal): Promise<readonly string[]> {
    return this.#endedJobs.among(served, signal);
  }

  /**
   * The first read that only changed midway holds removals. Consecutive ones decide what is gone.
   */
  #settled(attempt: Attempt, before: Attempt): Attempt {
    if (!attempt.moved || !before.moved || !this.#moving) return attempt;
    const { torn: _, ...whole } = attempt;
    return { ...whole, snapshot: settle(attempt.snapshot, before.snapshot) };
  }

  async #conclude(
    { snapshot, indexes, torn, moved, isPartial, older, caughtUp }: Attempt,
    signal: AbortSignal,
  ): Promise<Catalog> {
    if (this.#concluded?.snapshot === snapshot && this.#back === undefined) {
      this.#indexes = indexes;
      return this.#concluded.catalog;
    }
    const lie = allocationsMissing(snapshot);
    this.#contradicted = lie !== undefined;
    if (lie !== undefined) throw new ConnectorError('nomad-untrusted', lie);
    const vanished = await this.watch.confirm(snapshot, signal);
    await breathe();
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
    await breathe();
    const ids = missing.map(({ id }) => id);
    const trust = toTrust(reason, torn !== undefined);
    const catalog = await runInSlices(this.#assembler.assemble(snapshot, ids, trust));
    await breathe();
    await this.#remember(snapshot, indexes, catalog);
    await breathe();
    if (torn === undefined && !moved && !caughtUp) {
      this.#registered = registeredAt(snapshot, older, this.#registered);
    }
    const isSettled = reason === undefined && !moved;
    // A full read says what there is, whatever else is doubtful. What it lacks is held by its trust.
    const isWhole = !isPartial && torn === undefined && !moved;
    this.#seen = seenIn(snapshot, isWhole ? undefined : this.#seen);
    this.#concluded = isSettled ? { snapshot, catalog } : undefined;
    return catalog;
  }

  /**
   * By namespace, a job whose services are unknown, so that each would look removed. A job ID that
   * no URL can contain was never known, so none of its services is routed.
   */
  #unknownSpecs(snapshot: Snapshot): ReadonlyMap<string, string> {
    const unknown = [...snapshot.unreadable.keys()].filter(
      (jobKey) =>
        this.#mayDeclare(snapshot, jobKey) &&
        !this.#attempts.specs.isKnown(jobKey) &&
        !snapshot.oversized.has(jobKey),
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

  async #remember(snapshot: Snapshot, indexes: Indexes, catalog: Catalog): Promise<void> {
    this.#indexes = indexes;
    const services = [...catalog.services, ...(catalog.unreadable ?? [])];
    this.#endedJobs.remember(snapshot.jobs.values(), { ...catalog, services });
    this.#back = undefined;
    await breathe();
    this.#attempts.specs.prune(relevantAllocations(snapshot), snapshot.jobs);
    await breathe();
    this.#claims = sameMap(this.#claims, claimsOf(catalog, this.#claims));
    const specs = this.#attempts.specs.liveSpecs;
    this.#quiet = quietJobs(specs, snapshot.enabled, this.#prefix, this.#quiet);
    await breathe();
    this.#lastTags = sameMap(this.#lastTags, tagsToKeep(snapshot, this.#lastTags));
  }

  #forget(back: string): void {
    this.#back = back;
    this.#lower = undefined;
    this.#moving = false;
    this.#inDoubt = true;
    this.#attempts.forget();
    this.news.missed();
    this.#indexes = undefined;
    this.#registered = undefined;
    this.#concluded = undefined;
  }
}

function toTrust(reason: string | undefined, torn: boolean): Trust {
  if (reason === undefined) return { removals: 'allowed' };
  return { removals: 'held', reason, ...(torn ? { torn } : {}) };
}
