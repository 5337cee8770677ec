/**
 * The reader that goes by the event stream's names, beside one that reads everything each time, over
 * random histories of a cluster and of a stream that loses, repeats, delays and reorders its lines.
 *
 * - If the stream lost nothing, both say the same of every service.
 * - Whatever it lost, what is said of a service was true of it at some moment.
 * - Nothing is absent from a partial read that its allocation doesn't explain.
 * - Once the time for a full read has come, both say the same.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import type { EventBatch, Snapshot } from '../../fixtures/nomad/state.js';
import { createCatalogReader, type CatalogReader } from '../../src/observe/catalog/reader.js';
import { allocationOf, isLeaving } from '../../src/observe/catalog/model/allocation.js';
import type { Catalog } from '../../src/observe/types.js';
import { asConnectorError } from '../../src/shared/errors.js';
import { runs } from '../arbitraries/runs.js';
import { enabled, startObserver, type Observer } from './setup.js';

const names = ['a', 'b', 'c', 'd', 'e'] as const;
const kinds = [
  ...['come', 'come', 'stop', 'leave', 'deregister', 'register', 'pend', 'run'],
  ...['create', 'purge', 'scale', 'tag', 'forget', 'lose node'],
  ...['snapshot', 'restore', 'wipe', 'empty list', 'tear', 'fail'],
  ...['lose', 'repeat', 'delay', 'deliver', 'reconnect', 'break'],
  ...['meanwhile', 'meanwhile', 'meanwhile'],
  ...['read', 'read', 'read', 'read', 'read', 'time', 'full'],
] as const;

interface Command {
  readonly kind: (typeof kinds)[number];
  readonly name: (typeof names)[number];
  readonly pick: number;
}

const command: fc.Arbitrary<Command> = fc.record({
  kind: fc.constantFrom(...kinds),
  name: fc.constantFrom(...names),
  pick: fc.nat(20),
});

/** What may change while a read runs. */
const changes = ['come', 'stop', 'leave', 'deregister', 'tag', 'purge', 'create'] as const;

/** How the next lines of the stream fare. */
type Fate = 'deliver' | 'lose' | 'repeat' | 'delay';

class History {
  readonly #observer: Observer;
  readonly #oracle: CatalogReader;
  readonly #clock: { now: number };
  readonly #unsubscribe: () => void;
  #fate: Fate = 'deliver';
  #delayed: string[] = [];
  /** One of its reads failed, so that the other reader remembers more of the past. */
  #hasFailed = false;
  /** The stream withheld something in this connection. */
  #isLossy = false;
  #snapshot: Snapshot | undefined;
  /** A lie of Nomad's holds during the next read. */
  #isLying = false;
  /** Done once during the next read, as it reads a service by name. */
  #meanwhile: (() => void) | undefined;
  /** By service, every state that it had, as text. */
  readonly #truth = new Map<string, Set<string>>();
  /** The instances, and their services, that were read since, and in, the last full read. */
  #seen = new Map<string, string>();

  /** What was asked for at this index. */
  #asked: { readonly index: number; readonly paths: ReadonlySet<string> } = {
    index: 0,
    paths: new Set(),
  };

  constructor(observer: Observer, oracle: CatalogReader, clock: { now: number }) {
    this.#observer = observer;
    this.#oracle = oracle;
    this.#clock = clock;
    this.#unsubscribe = observer.nomad.state.onEvents((batch) => this.#hear(batch));
    observer.reader.connected(true);
    const { requests } = observer.nomad;
    const add = requests.add.bind(requests);
    requests.add = (request) => {
      add(request);
      if (!request.path.startsWith('/v1/service/')) return;
      const change = this.#meanwhile;
      this.#meanwhile = undefined;
      change?.();
    };
    for (const name of names.slice(0, 3)) this.#create(name);
  }

  async run(commands: readonly Command[]): Promise<void> {
    for (const one of commands) await this.#do(one);
    this.#observer.nomad.faults.clear();
    this.#isLying = false;
    await this.#read();
    this.#clock.now += 300_000;
    const [last, oracle] = [await outcome(this.#observer.read()), await outcome(this.#ask())];
    // A registration that outlived all jobs and allocations is a contradiction, for both.
    if (typeof last === 'string' || typeof oracle === 'string') {
      return void expect(last).to.equal(oracle);
    }
    this.#expectSame(last, oracle);
    expect(last.missing).to.deep.equal(oracle.missing);
    expect(last.trust).to.deep.equal(oracle.trust);
  }

  end(): void {
    this.#unsubscribe();
  }

  async #do({ kind, name, pick }: Command): Promise<void> {
    const { nomad, reader } = this.#observer;
    const allocs = this.#has(name) ? nomad.allocsOf(name) : [];
    const alloc = allocs[pick % Math.max(1, allocs.length)]?.ID;
    switch (kind) {
      case 'come':
        if (this.#has(name)) nomad.runAlloc({ job: name });
        break;
      case 'stop':
        if (alloc !== undefined) nomad.stopAlloc(alloc);
        break;
      case 'leave':
        if (alloc !== undefined) nomad.stopAlloc(alloc, pick % 2 ? 'desired' : 'deregistered');
        break;
      case 'deregister':
        if (alloc !== undefined) nomad.deregisterInstance(alloc);
        break;
      case 'register':
        if (alloc !== undefined) nomad.registerInstance(alloc);
        break;
      case 'pend':
        if (alloc !== undefined) nomad.setClientStatus(alloc, 'pending');
        break;
      case 'run':
        if (alloc !== undefined) nomad.setClientStatus(alloc, 'running');
        break;
      case 'create':
        this.#create(name);
        break;
      case 'purge':
        if (this.#has(name)) nomad.removeService(name);
        break;
      case 'scale':
        if (this.#has(name)) nomad.scaleJob(name, pick);
        break;
      case 'tag':
        if (this.#has(name)) this.#create(name, [`haproxy.domain=d${pick}.example.com`]);
        break;
      case 'forget':
        if (alloc !== undefined) nomad.forgetAlloc(alloc);
        break;
      case 'lose node':
        nomad.loseNode(nomad.firstNode.id);
        break;
      case 'snapshot':
        this.#snapshot = nomad.state.snapshot();
        break;
      case 'restore':
        this.#restore();
        break;
      case 'wipe':
        nomad.faults.wiped = this.#isLying = true;
        break;
      case 'empty list':
        nomad.faults.emptyList = '/v1/services';
        this.#isLying = true;
        break;
      case 'tear':
        nomad.faults.tornReads = 1 + (pick % 4);
        break;
      case 'fail':
        nomad.faults.http500 =
          ['/v1/services', '/v1/allocations', '/v1/jobs', '/v1/service/'][pick % 4] ?? '';
        break;
      case 'meanwhile': {
        const change = changes[pick % changes.length] ?? 'come';
        this.#meanwhile = () => void this.#do({ kind: change, name, pick });
        break;
      }
      case 'lose':
      case 'repeat':
      case 'delay':
        this.#fate = kind;
        break;
      case 'deliver':
        this.#fate = 'deliver';
        for (const line of this.#delayed.splice(0).reverse()) reader.hear(line);
        break;
      case 'reconnect':
      case 'break':
        reader.connected(false);
        if (kind === 'reconnect') this.#connect();
        break;
      case 'read':
        await this.#read();
        break;
      case 'time':
        this.#clock.now += 100_000;
        break;
      case 'full':
        await this.#read(true);
    }
  }

  #connect(): void {
    this.#isLossy = false;
    this.#delayed = [];
    this.#fate = 'deliver';
    this.#observer.reader.connected(true);
  }

  #has(name: string): boolean {
    return this.#observer.nomad.state.read.jobs.has(`default/${name}`);
  }

  #create(name: string, tags: readonly string[] = []): void {
    const { nomad } = this.#observer;
    nomad.addService({ name, tags: [enabled, ...tags], instances: [{}], count: 2 });
  }

  #restore(): void {
    if (this.#snapshot === undefined) return;
    const { nomad, reader } = this.#observer;
    const before = nomad.state.read.indexes.services;
    nomad.state.restore(this.#snapshot);
    this.#note();
    // Nomad ends the streams, and answers blocking queries.
    reader.connected(false);
    const { services } = nomad.state.read.indexes;
    for (const one of [reader, this.#oracle]) if (services < before) one.wentBack(services);
    this.#connect();
  }

  #hear(batch: EventBatch): void {
    this.#note();
    const line = JSON.stringify(batch);
    const { reader } = this.#observer;
    if (this.#fate === 'deliver' || this.#fate === 'repeat') reader.hear(line);
    if (this.#fate === 'repeat') reader.hear(line);
    if (this.#fate === 'delay') this.#delayed.push(line);
    if (this.#fate === 'lose' || this.#fate === 'delay') this.#isLossy = true;
  }

  #note(): void {
    const registered = [...this.#observer.nomad.state.read.services.values()];
    for (const name of names) {
      const own = registered.filter(({ ServiceName }) => ServiceName === name);
      const text = textOf(own.map(({ ID, Tags, Port }) => [ID, Tags, Port]));
      this.#truth.set(name, (this.#truth.get(name) ?? new Set([textOf([])])).add(text));
    }
  }

  /** What a reader says that takes nothing on anybody's word. */
  #ask(): Promise<Catalog> {
    return this.#oracle.read({ full: true, signal: new AbortController().signal });
  }

  async #read(full = false): Promise<void> {
    const { nomad } = this.#observer;
    const isTorn = nomad.faults.tornReads > 0;
    const isChanging = this.#meanwhile !== undefined;
    const before = nomad.state.read.indexes.services;
    nomad.requests.reset();
    const catalog = await this.#observer.read(full).catch(() => undefined);
    const isChanged = isChanging && this.#meanwhile === undefined;
    this.#meanwhile = undefined;
    const asked = new Set(nomad.requests.all.map(({ path }) => path));
    nomad.faults.tornReads = 0;
    nomad.faults.http500 = false;
    const oracle = await this.#ask().catch(() => undefined);
    if (catalog === undefined) this.#hasFailed = true;
    else this.#check(catalog, asked);
    // What changed while it was read may be left to the next one, and so may what Nomad refused.
    // The index tells only of services: a change of jobs alone may come after they were listed.
    const isMoved = nomad.state.read.indexes.services !== before;
    const isSameTime = !isChanged || (isMoved && catalog?.index === oracle?.index);
    const isWhole = !isTorn && isSameTime && catalog?.unreadable === undefined;
    if (catalog !== undefined && oracle !== undefined && !this.#isLossy && isWhole) {
      this.#expectSame(catalog, oracle);
      expect(catalog.missing).to.deep.equal(oracle.missing);
    }
    if (!this.#isLying) return;
    nomad.faults.clear();
    this.#isLying = false;
    // What Nomad said while it lied holds for that index.
    nomad.state.commit('ServiceRegistration', (tx) => tx.touch('services'));
  }

  /** Since when a service is claimed is remembered, where Nomad no longer says it. */
  #expectSame(catalog: Catalog, oracle: Catalog): void {
    const services = ({ services: all }: Catalog) =>
      this.#hasFailed ? all.map(({ claimedAt: _, ...service }) => service) : all;
    expect(services(catalog)).to.deep.equal(services(oracle));
  }

  #check(catalog: Catalog, asked: ReadonlySet<string>): void {
    const now = new Map(
      catalog.services.flatMap(({ name, instances }) => instances.map(({ id }) => [id, name])),
    );
    const unread = new Set(catalog.unreadable?.map(({ name }) => name));
    const before = this.#asked.index === catalog.index ? this.#asked.paths : [];
    const paths = new Set([...before, ...asked]);
    this.#asked = { index: catalog.index, paths };
    const isFull = catalog.services.every(
      ({ name, instances }) => instances.length === 0 || paths.has(`/v1/service/${name}`),
    );
    const isBelieved = catalog.trust.removals === 'allowed';
    if (!this.#isLying) {
      for (const { name, instances } of catalog.services) {
        const text = textOf(instances.map(({ id, tags, port }) => [id, tags, port]));
        expect(this.#truth.get(name)?.has(text), `${name} was never ${text}`).to.equal(true);
      }
    }
    for (const [id, name] of this.#seen) {
      // What is held, unread or missing stays in HAProxy.
      if (isFull || !isBelieved || unread.has(name)) continue;
      if (now.has(id) || catalog.missing.includes(id)) continue;
      const allocation = catalog.allocations[allocationOf(id)];
      expect(isLeaving(allocation), `${id} is absent without a cause`).to.equal(true);
    }
    // What a full read lacked was held by its trust, if that was doubtful.
    const isWhole = isFull && (isBelieved || catalog.trust.torn === undefined);
    this.#seen = new Map([...(isWhole ? [] : this.#seen), ...now]);
  }
}

/** The catalog, or why there is none. */
function outcome(read: Promise<Catalog>): Promise<Catalog | string> {
  return read.catch((error: unknown) => asConnectorError(error).message);
}

function textOf(instances: readonly (readonly unknown[])[]): string {
  return JSON.stringify(instances.map((one) => JSON.stringify(one)).sort());
}

describe('reads by the names of the event stream, over random histories', () => {
  it('are late at most, and never wrong', async function () {
    this.timeout(0);
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40 }), async (commands) => {
        const clock = { now: 1_000_000 };
        const observer = await startObserver({ now: () => clock.now, eventLateMs: 1 });
        const oracle = createCatalogReader({
          ...{ client: observer.client, namespace: '*', tagPrefix: 'haproxy' },
          now: () => clock.now,
        });
        const history = new History(observer, oracle, clock);
        try {
          await history.run(commands);
        } finally {
          history.end();
          await observer.close();
        }
      }),
      runs(60),
    );
  });
});
