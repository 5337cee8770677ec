import { expect } from 'chai';
import { createCatalogReader } from '../../src/observe/catalog/reader.js';
import type { Catalog } from '../../src/observe/types.js';
import { enabled, serviceOf, startObserver, type Observer } from './setup.js';

const minute = 60_000;

describe('which allocations are read', () => {
  let observer: Observer;
  let now = 0;
  beforeEach(async () => {
    now = 0;
    observer = await startObserver({ now: () => now });
  });
  afterEach(() => observer.close());

  /** Jobs that have nothing to do with HAProxy, all of whose allocations ended. */
  function endedBatch(count: number): string[] {
    const { nomad } = observer;
    return Array.from({ length: count }, (_, n) => {
      const allocationId = `batch/dispatch-${n}`;
      nomad.registerJob({ ID: allocationId, Type: 'batch', TaskGroups: [{ Name: 'g', Count: 1 }] });
      const alloc = nomad.startAlloc({ job: allocationId });
      nomad.setClientStatus(alloc.ID, n % 3 === 0 ? 'complete' : n % 3 === 1 ? 'failed' : 'lost');
      return alloc.ID;
    });
  }

  function listed(): (string | undefined)[] {
    return observer.nomad.requests.all
      .filter(({ path }) => path === '/v1/allocations')
      .map(({ query }) => query['filter']);
  }

  const tellsOf = ({ allocations }: Catalog, ids: readonly string[]): number =>
    ids.filter((id) => allocations[id] !== undefined).length;

  it('all of them at first, as evidence for what HAProxy serves, and then those that have not ended', async () => {
    const { nomad } = observer;
    const ended = endedBatch(9);
    nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }, { port: 9001 }] });
    const [alloc] = nomad.allocsOf('web');
    nomad.stopAlloc(alloc?.ID ?? '');
    expect(tellsOf(await observer.read(), [...ended, alloc?.ID ?? ''])).to.equal(10);
    expect(listed()).to.have.lengthOf(2);
    expect(listed()[1]).to.match(/^not \(/);

    const more = endedBatch(9);
    nomad.requests.reset();
    const second = await observer.read();
    expect(listed()).to.have.lengthOf(1);
    expect(listed()[0]).to.include('ClientStatus != "complete"');
    expect(tellsOf(second, more)).to.equal(0);
    expect(tellsOf(second, [...ended, alloc?.ID ?? ''])).to.equal(10);
    expect(second.services[0]?.instances).to.have.lengthOf(1);

    now = 3 * minute;
    expect(tellsOf(await observer.read(), ended)).to.equal(0);
  });

  it('the ended one of an instance that left, once, and it is told of while a drain may last', async () => {
    const { nomad } = observer;
    endedBatch(3);
    nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }, { port: 9001 }] });
    await observer.read();
    const [alloc] = nomad.allocsOf('web');
    const id = alloc?.ID ?? '';
    nomad.stopAlloc(id);
    nomad.requests.reset();
    expect((await observer.read()).allocations[id]).to.include({
      clientStatus: 'complete',
      desiredStatus: 'stop',
    });
    expect(listed()).to.have.lengthOf(2);
    expect(listed()[1]).to.equal(`ID matches "^(${id})$"`);

    nomad.requests.reset();
    now = 50 * minute;
    expect((await observer.read()).allocations[id]?.clientStatus).to.equal('complete');
    expect(listed()).to.have.lengthOf(1);
    now = 120 * minute;
    await observer.read();
    expect(Object.keys((await observer.read()).allocations)).to.have.lengthOf(1);
  });

  it('those of many that leave at once, in few requests', async () => {
    const { nomad } = observer;
    const instances = Array.from({ length: 120 }, (_, n) => ({ port: 9000 + n }));
    nomad.addService({ name: 'web', tags: [enabled], instances });
    await observer.read();
    const ids = nomad.allocsOf('web').map(({ ID }) => ID);
    for (const id of ids) nomad.stopAlloc(id);
    nomad.requests.reset();
    expect(tellsOf(await observer.read(), ids)).to.equal(120);
    expect(listed()).to.have.lengthOf(4);
  });

  it('one that ended and is registered still, with what it needs', async () => {
    const { nomad } = observer;
    nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
    await observer.read();
    nomad.setClientStatus(nomad.allocsOf('web')[0]?.ID ?? '', 'lost');
    for (const round of [1, 2]) {
      const [instance] = serviceOf(await observer.read(), 'web').instances;
      expect(instance?.allocation?.clientStatus, String(round)).to.equal('lost');
      expect(instance?.spec.status).to.equal('known');
    }
  });

  it('one that came back, as it is now', async () => {
    const { nomad } = observer;
    nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
    const id = nomad.allocsOf('web')[0]?.ID ?? '';
    nomad.setClientStatus(id, 'lost');
    await observer.read();
    await observer.read();
    nomad.setClientStatus(id, 'running');
    const { allocations } = await observer.read();
    expect(allocations[id]?.clientStatus).to.equal('running');
  });

  it('one that Nomad forgot: a ghost, asked for again only when allocations changed', async () => {
    const { nomad } = observer;
    nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
    await observer.read();
    nomad.forgetAlloc(nomad.allocsOf('web')[0]?.ID ?? '');
    for (const lists of [2, 1, 1]) {
      nomad.requests.reset();
      const catalog = await observer.read();
      expect(serviceOf(catalog, 'web').instances[0]).not.to.have.property('allocation');
      expect(listed()).to.have.lengthOf(lists);
    }
  });

  it('all again when something failed or was held, at most once a minute', async () => {
    endedBatch(1);
    await observer.read();
    const [more] = endedBatch(1);
    expect(tellsOf(await observer.read(true), [more ?? ''])).to.equal(0);
    now = 2 * minute;
    expect(tellsOf(await observer.read(true), [more ?? ''])).to.equal(1);
  });

  it('all, each time, where filters are refused', async () => {
    const { nomad } = observer;
    nomad.faults.noFilters = true;
    const ended = endedBatch(3);
    nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
    for (let again = 0; again < 3; again += 1) {
      expect(tellsOf(await observer.read(), ended)).to.equal(3);
    }
    const [alloc] = nomad.allocsOf('web');
    nomad.stopAlloc(alloc?.ID ?? '');
    expect((await observer.read()).allocations[alloc?.ID ?? '']?.clientStatus).to.equal('complete');
  });

  it('of each namespace that is named', async () => {
    const { nomad, client } = observer;
    for (const namespace of ['a', 'b']) {
      nomad.addService({ name: 'web', namespace, tags: [enabled], instances: [{ port: 9000 }] });
    }
    const reader = createCatalogReader({ client, namespace: 'a,b', tagPrefix: 'haproxy' });
    const { signal } = new AbortController();
    await reader.read({ signal });
    const [alloc] = nomad.allocsOf({ ID: 'web', Namespace: 'b' });
    nomad.stopAlloc(alloc?.ID ?? '');
    const { allocations } = await reader.read({ signal });
    expect(allocations[alloc?.ID ?? '']).to.include({ clientStatus: 'complete', namespace: 'b' });
  });
});
