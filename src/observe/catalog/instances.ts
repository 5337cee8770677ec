/**
 * The list of services and the instances of those that opted in. No endpoint returns all instances,
 * but every answer carries the index of the whole table: answers with the same index form one
 * snapshot, and instances already read at the list's index are not read again.
 *
 * Of those read at another index, the ones stand on the stream's word that it has not named since,
 * see news.ts. `expire` takes the word away from all of them.
 */

import equal from 'fast-deep-equal';
import type PQueue from 'p-queue';
import { mapQueued } from '../../shared/concurrent.js';
import { sameMap } from '../../shared/same.js';
import { comparedTags, nameKey, type ServiceName, sortedNames } from './model/service-names.js';
import { ConnectorError } from '../../shared/errors.js';
import type { News } from './news.js';
import type { InstancesRead, NomadApi, Unreadable } from '../nomad/api.js';
import type { WireInstance } from '../nomad/answers/shapes.js';

export interface ServicesRead {
  /** The highest index of the read. */
  readonly index: number;
  /** What stands on the stream's word had not been named up to this index. */
  readonly toldTo: number;
  /** Those that didn't change are the same objects as in the last read; so are the list and the map. */
  readonly names: readonly ServiceName[];
  /** By service key, for the requested names. */
  readonly instances: ReadonlyMap<string, readonly WireInstance[]>;
  /** Why some of the requested ones can't be read, by service key. */
  readonly unreadable: ReadonlyMap<string, Unreadable>;
  /** All answers have the same index, or the stream says that none of them had changed by the last one. */
  readonly whole: boolean;
  /** Keys of services that stand on the stream's word and were not read in this round. */
  readonly onWord: ReadonlySet<string>;
  /** Keys of services whose answer has an earlier index than the read: it may be out of date by then. */
  readonly older: ReadonlySet<string>;
  /** So has the list itself: the read caught up with what changed since. */
  readonly caughtUp: boolean;
}

interface Entry {
  readonly service: ServiceName;
  readonly body: readonly WireInstance[];
  /** Of the answer. */
  readonly index: number;
  /** The stream's, when it was asked for. */
  readonly epoch: number | undefined;
  /** The round in which it was asked for. */
  readonly round: number;
}

interface ListRead {
  readonly index: number;
  /** The stream's, when the list was asked for. */
  readonly epoch: number | undefined;
}

interface Divided {
  readonly entries: Map<string, Entry>;
  readonly onWord: ReadonlySet<string>;
  readonly stale: readonly ServiceName[];
  /** What the stream had said by then. */
  readonly heardCount: number;
}

/** A read that is the same again as long as these are. */
interface Steady {
  readonly index: number;
  readonly epoch: number | undefined;
  readonly heardCount: number;
  readonly wanted: readonly ServiceName[];
  readonly read: ServicesRead;
}

/** How often a read runs after changes that come while it reads. */
const mostRounds = 5;

export class InstanceCache {
  #entries: ReadonlyMap<string, Entry> = new Map();
  #names: readonly ServiceName[] = [];
  #instances: ReadonlyMap<string, readonly WireInstance[]> = new Map();
  /** A read of the catalog, with all its attempts. */
  #round = 0;
  #isExpired = false;
  #steady: Steady | undefined;

  readonly #api: NomadApi;
  readonly #queue: PQueue;
  readonly #namespaces: readonly string[];
  readonly #news: News;

  constructor(api: NomadApi, queue: PQueue, namespaces: readonly string[], news: News) {
    this.#api = api;
    this.#queue = queue;
    this.#namespaces = namespaces;
    this.#news = news;
  }

  clear(): void {
    this.#entries = new Map();
    this.#steady = undefined;
  }

  begin(): void {
    this.#round += 1;
    this.#isExpired = false;
  }

  /** The other attempts of this round read everything that it hasn't read. */
  expire(): void {
    this.#isExpired = true;
  }

  /** Whether only what was read in this round counts. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** The cached instances of the service, regardless of their index. */
  has(service: ServiceName): boolean {
    return this.#entries.has(nameKey(service));
  }

  /** `wantedOf`: which of the listed ones are read. */
  async readServices(
    wantedOf: (names: readonly ServiceName[]) => readonly ServiceName[],
    signal: AbortSignal,
  ): Promise<ServicesRead> {
    const { epoch } = this.#news;
    const lists = await mapQueued(this.#queue, this.#namespaces, signal, (namespace, scope) =>
      this.#api.services(namespace, scope),
    );
    const listIndexes = lists.map(({ index }) => index);
    const index = Math.max(...listIndexes);
    this.#names = sortedNames(
      lists.flatMap(({ body }) => body),
      this.#names,
    );
    const wanted = wantedOf(this.#names);
    const isOne = listIndexes.every((one) => one === index);
    const steady = isOne ? this.#asBefore(index, epoch, wanted) : undefined;
    if (steady !== undefined) return steady;
    const { entries, onWord, stale, heardCount } = await this.#divide(wanted, { index, epoch });
    const unreadable = await this.#ask(stale, entries, signal);
    const mayCatchUp = isOne && !this.#isExpired && unreadable.size === 0;
    const caught = mayCatchUp ? await this.#catchUp(entries, { index, epoch }, signal) : undefined;
    this.#entries = entries;
    const instances = new Map([...entries].map(([key, { body }]) => [key, body]));
    this.#instances = sameMap(this.#instances, instances);
    if (entries.size === 0) requireOneAlone([...unreadable.values()]);
    const isOnWord = (key: string): boolean => caught !== undefined || onWord.has(key);
    const toldTo = caught ?? index;
    const indexes = [...entries].map(([key, one]) => (isOnWord(key) ? toldTo : one.index));
    const last = indexes.reduce((a, b) => Math.max(a, b), toldTo);
    const read = {
      index: last,
      toldTo,
      names: this.#names,
      instances: this.#instances,
      unreadable,
      whole: caught !== undefined || new Set([...listIndexes, ...indexes]).size === 1,
      onWord: new Set([...onWord].filter((key) => entries.get(key)?.round !== this.#round)),
      older: new Set([...entries].flatMap(([key, one]) => (one.index < last ? [key] : []))),
      caughtUp: caught !== undefined,
    };
    const isSteady =
      read.whole &&
      caught === undefined &&
      unreadable.size === 0 &&
      read.onWord.size === onWord.size;
    this.#steady = isSteady ? { index, epoch, heardCount, wanted, read } : undefined;
    return read;
  }

  /**
   * Where services were read at a later index than the list: the highest one, if by the stream's word
   * all of them are as they were then. Those that it has named meanwhile are read again. Undefined:
   * there is nothing to catch up with, or it says too little, or the list itself is behind.
   */
  async #catchUp(
    entries: Map<string, Entry>,
    list: ListRead,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    for (let round = 0; round < mostRounds; round += 1) {
      const top = [...entries.values()].reduce((most, one) => Math.max(most, one.index), 0);
      if (top <= list.index || !(await this.#news.told(top))) return undefined;
      // From here on at once: an event may come, or be missed, at any time.
      if (list.epoch === undefined || this.#news.epoch !== list.epoch) return undefined;
      const named = this.#news.namedAfter(list.index);
      const known = named.flatMap((key) => entries.get(key) ?? []);
      if (known.length < named.length || !known.every(isAsListed)) return undefined;
      const late = known.filter(({ service, index }) =>
        this.#news.isNamedAfter(nameKey(service), index),
      );
      if (late.length === 0) return top;
      const services = late.map(({ service }) => service);
      if ((await this.#ask(services, entries, signal)).size > 0) return undefined;
    }
    return undefined;
  }

  /** The last read, if each of its entries counts for this list just as it did for that one. */
  #asBefore(
    index: number,
    epoch: number | undefined,
    wanted: readonly ServiceName[],
  ): ServicesRead | undefined {
    const last = this.#steady;
    const isSame =
      !this.#isExpired &&
      last?.index === index &&
      last.epoch === epoch &&
      this.#news.epoch === epoch &&
      last.heardCount === this.#news.heardCount &&
      last.wanted === wanted;
    return isSame ? last.read : undefined;
  }

  /**
   * Reads these directly. Whether the stream has kept back a change of one. A change that it has told
   * of since the list, which had this index, is none that it has kept back.
   */
  async check(keys: readonly string[], index: number, signal: AbortSignal): Promise<boolean> {
    const { epoch } = this.#news;
    this.#steady = undefined;
    const known = keys.flatMap((key) => this.#entries.get(key) ?? []);
    const answers = await mapQueued(this.#queue, known, signal, async (entry, scope) => {
      const { namespace, name } = entry.service;
      return [entry, await this.#api.instances(namespace, name, scope)] as const;
    });
    const entries = new Map(this.#entries);
    let isKept = false;
    for (const [{ service, body }, answer] of answers) {
      const key = nameKey(service);
      const isSame = answer.status === 'known' && equal(answer.body, body);
      const isKnown = isSame || (await this.#isToldSince(key, index, answer));
      if (!isKnown || answer.status !== 'known') isKept = true;
      else entries.set(key, this.#entry(service, answer, epoch));
    }
    this.#entries = entries;
    return isKept;
  }

  async #isToldSince(key: string, index: number, answer: InstancesRead): Promise<boolean> {
    if (answer.status !== 'known' || answer.index <= index) return false;
    return (await this.#news.told(answer.index)) && this.#news.isNamedAfter(key, index);
  }

  /** What is known at the list's index, what stands on the stream's word, and what has to be read. */
  async #divide(wanted: readonly ServiceName[], list: ListRead): Promise<Divided> {
    const entries = new Map<string, Entry>();
    const old = wanted.filter((service) => {
      const known = this.#known(service);
      if (known?.index !== list.index) return true;
      // The list has said it again, in this epoch.
      const entry = known.epoch === list.epoch ? known : { ...known, epoch: list.epoch };
      entries.set(nameKey(service), entry);
      return false;
    });
    const mayStand = old.some((service) => this.#onWord(service, list) !== undefined);
    const isTold = mayStand && (await this.#news.told(list.index));
    // From here on at once: an event may come, or be missed, at any time.
    const { heardCount } = this.#news;
    const onWord = new Set<string>();
    const stale = old.filter((service) => {
      const entry = isTold ? this.#onWord(service, list) : undefined;
      if (entry === undefined) return true;
      entries.set(nameKey(service), entry);
      onWord.add(nameKey(service));
      return false;
    });
    return { entries, onWord, stale, heardCount };
  }

  #onWord(service: ServiceName, { epoch }: ListRead): Entry | undefined {
    const known = this.#known(service);
    const isWord = epoch !== undefined && this.#news.epoch === epoch && known?.epoch === epoch;
    if (!isWord || known.service !== service) return undefined;
    return this.#news.isNamedAfter(nameKey(service), known.index) ? undefined : known;
  }

  #known(service: ServiceName): Entry | undefined {
    const known = this.#entries.get(nameKey(service));
    return this.#isExpired && known?.round !== this.#round ? undefined : known;
  }

  /** Reads them and adds them to `entries`. Those that can't be read are returned. */
  async #ask(
    services: readonly ServiceName[],
    entries: Map<string, Entry>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Unreadable>> {
    const unreadable = new Map<string, Unreadable>();
    await mapQueued(this.#queue, services, signal, async (service, scope) => {
      const { epoch } = this.#news;
      const answer = await this.#api.instances(service.namespace, service.name, scope);
      if (answer.status === 'unreadable') unreadable.set(nameKey(service), answer);
      else entries.set(nameKey(service), this.#entry(service, answer, epoch));
    });
    return unreadable;
  }

  #entry(
    service: ServiceName,
    { index, body }: Extract<InstancesRead, { status: 'known' }>,
    epoch: number | undefined,
  ): Entry {
    const known = this.#entries.get(nameKey(service))?.body;
    return {
      service,
      body: equal(known, body) ? (known ?? body) : body,
      index,
      epoch,
      round: this.#round,
    };
  }
}

/** Its instances still come to the tags that the list has for it, and to at least one. */
function isAsListed({ service, body }: Entry): boolean {
  const tags = new Set(body.flatMap(({ Tags }) => Tags ?? []));
  return body.length > 0 && equal(comparedTags([...tags]), service.tags);
}

/** If none can be read, it isn't the service: Nomad fails, or a proxy answers for it. */
function requireOneAlone(unreadable: readonly Unreadable[]): void {
  // Too much in an answer is the service's own, however many have it.
  const [first, ...others] = unreadable.filter(({ limit }) => limit === undefined);
  if (first === undefined || (others.length === 0 && first.failed !== true)) return;
  throw new ConnectorError(
    first.failed === true ? 'nomad-failed' : 'nomad-untrusted',
    first.reason,
  );
}
