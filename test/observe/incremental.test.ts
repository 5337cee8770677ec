/** What a wake reads again, and what it must not conclude from what it didn't. */

import { expect } from 'chai';
import type { Catalog } from '../../src/observe/types.js';
import { enabled, serviceOf, startObserver, type Observer } from './setup.js';

const services = 20;

describe('a read after a full one', () => {
  let observer: Observer;
  let now = 0;
  let quiet: () => void;
  beforeEach(async () => {
    now = 1_000_000;
    observer = await startObserver({ now: () => now, eventLateMs: 5 });
    const { nomad, reader } = observer;
    for (let n = 0; n < services; n += 1) {
      nomad.addService({
        name: `s${n}`,
        tags: [enabled],
        instances: [{ port: 9000 + n }, { port: 9500 + n }],
      });
    }
    reader.connected(true);
    quiet = nomad.state.onEvents((batch) => void reader.hear(JSON.stringify(batch)));
    await observer.read();
    nomad.requests.reset();
  });
  afterEach(() => observer.close());

  const asked = (): number => observer.nomad.requests.all.length;
  const askedByName = (): number => observer.nomad.requests.count('/v1/service/');
  const allocOf = (job: string): string => observer.nomad.allocsOf(job)[0]?.ID ?? '';
  /** An index of the table of services that the stream doesn't tell of. */
  const touch = (): void =>
    observer.nomad.state.commit('ServiceRegistration', (tx) => tx.touch('services'));

  function portsOf(catalog: Catalog, name: string): number[] {
    return serviceOf(catalog, name).instances.map(({ port }) => port);
  }

  it('reads the service, the allocation and nothing else of an instance that came or left', async () => {
    const { nomad } = observer;
    nomad.runAlloc({ job: 's7', ports: { http: 9999 } });
    expect(portsOf(await observer.read(), 's7')).to.include(9999);
    expect(nomad.requests.byPath()).to.deep.equal({
      '/v1/services': 1,
      '/v1/service/s7': 1,
      '/v1/allocations': 2,
      '/v1/jobs': 1,
    });

    nomad.requests.reset();
    nomad.stopAlloc(allocOf('s7'));
    const catalog = await observer.read();
    expect(serviceOf(catalog, 's7').instances).to.have.lengthOf(2);
    expect(catalog.trust.removals).to.equal('allowed');
    // The look before all else (of which the list then says the same), the list, and the details.
    expect(nomad.requests.byPath()).to.deep.equal({
      '/v1/services': 1,
      '/v1/service/s7': 1,
      '/v1/allocations': 3,
      '/v1/jobs': 1,
    });
    nomad.requests.reset();
    await observer.read();
    expect(asked()).to.equal(3);
  });

  it('keeps the objects of what did not change, and the whole catalog if nothing did', async () => {
    const { nomad } = observer;
    const first = await observer.read();
    expect(await observer.read()).to.equal(first);
    nomad.setClientStatus(allocOf('s3'), 'pending');
    const second = await observer.read();
    expect(serviceOf(second, 's3')).not.to.equal(serviceOf(first, 's3'));
    const [one, other] = serviceOf(second, 's3').instances;
    const stayed = serviceOf(first, 's3').instances.filter((was) => was === one || was === other);
    expect(stayed).to.have.lengthOf(1);
    for (const was of first.services.filter(({ name }) => name !== 's3')) {
      expect(serviceOf(second, was.name)).to.equal(was);
    }
    const changed = Object.entries(second.allocations).filter(
      ([id, facts]) => facts !== first.allocations[id],
    );
    expect(changed).to.have.lengthOf(1);
    // Another answer to the same question.
    const full = await observer.read(true);
    expect(full).to.equal(second);
    expect(askedByName()).to.equal(services);
  });

  it('reads again what a late event names, though the lists say nothing new', async () => {
    const { nomad, reader } = observer;
    quiet();
    const lines: string[] = [];
    const unsubscribe = nomad.state.onEvents((batch) => void lines.push(JSON.stringify(batch)));
    nomad.deregisterInstance(allocOf('s7'));
    const late = lines.splice(0);
    nomad.runAlloc({ job: 's3' });
    unsubscribe();
    for (const line of lines) reader.hear(line);
    for (const _ of ['first', 'the same']) {
      expect(portsOf(await observer.read(), 's7')).to.have.lengthOf(2);
    }
    for (const line of late) reader.hear(line);
    expect(portsOf(await observer.read(), 's7')).to.have.lengthOf(1);
  });

  for (const how of ['late', 'lost']) {
    it(`holds no removals for what an older answer had at the same index: the event is ${how}`, async () => {
      const { nomad, reader } = observer;
      quiet();
      const lines: string[] = [];
      nomad.state.onEvents((batch) => void lines.push(JSON.stringify(batch)));
      nomad.deregisterInstance(allocOf('s7'));
      const late = lines.splice(0);
      nomad.runAlloc({ job: 's3' });
      for (const line of lines) reader.hear(line);
      const before = await observer.read();
      expect(portsOf(before, 's7')).to.have.lengthOf(2);
      if (how === 'late') for (const line of late) reader.hear(line);
      else now += 300_000;
      const after = await observer.read();
      expect(after.index).to.equal(before.index);
      expect(portsOf(after, 's7')).to.have.lengthOf(1);
      expect(after.trust).to.deep.equal({ removals: 'allowed' });
    });
  }

  it('reads a changed job and its service alone', async () => {
    const { nomad } = observer;
    nomad.addService({ name: 'new', tags: [enabled], instances: [{ port: 9900 }] });
    expect(portsOf(await observer.read(), 'new')).to.deep.equal([9900]);
    expect(nomad.requests.count('/v1/job/')).to.equal(1);
    expect(askedByName()).to.equal(1);
  });

  it('hears of a node that was lost, whatever the type of its events', async () => {
    const { nomad } = observer;
    const node = nomad.addNode('node-2');
    const { ID } = nomad.runAlloc({ job: 's1', nodeId: node.id });
    await observer.read();
    nomad.requests.reset();
    nomad.loseNode(node.id);
    const catalog = await observer.read();
    expect(serviceOf(catalog, 's1').instances).to.have.lengthOf(2);
    expect(catalog.allocations[ID]?.clientStatus).to.equal('lost');
    expect(askedByName()).to.equal(1);
  });

  it('waits for an event that is behind the list', async () => {
    const { nomad, reader } = observer;
    quiet();
    const unsubscribe = nomad.state.onEvents((batch) => {
      setImmediate(() => void reader.hear(JSON.stringify(batch)));
    });
    nomad.runAlloc({ job: 's7', ports: { http: 9999 } });
    expect(portsOf(await observer.read(), 's7')).to.include(9999);
    expect(askedByName()).to.equal(1);
    unsubscribe();
  });

  describe('while other services change', () => {
    /** Once, while a service is read by name, so after the list and before the allocations. */
    function meanwhile(change: () => void): void {
      const { requests } = observer.nomad;
      let isOver = false;
      const add = requests.add.bind(requests);
      requests.add = (request) => {
        add(request);
        if (isOver || !request.path.startsWith('/v1/service/')) return;
        isOver = true;
        change();
      };
    }

    it('reads those again too, and says what is true at the last index', async () => {
      const { nomad } = observer;
      nomad.runAlloc({ job: 's7', ports: { http: 9999 } });
      meanwhile(() => nomad.runAlloc({ job: 's3', ports: { http: 9998 } }));
      const catalog = await observer.read();
      expect(portsOf(catalog, 's7')).to.include(9999);
      expect(portsOf(catalog, 's3')).to.include(9998);
      expect(catalog.index).to.equal(nomad.state.read.indexes.services);
      expect(catalog.trust.removals).to.equal('allowed');
      expect(askedByName()).to.equal(2);
      nomad.requests.reset();
      await observer.read();
      expect(asked()).to.equal(3);
    });

    const lists: Record<string, () => void> = {
      'a service comes': () => {
        observer.nomad.addService({ name: 'new', tags: [enabled], instances: [{ port: 9900 }] });
      },
      'one goes': () => observer.nomad.stopAlloc(allocOf('s3')),
      'one has other tags': () => {
        const tags = [enabled, 'haproxy.domain=other.example.com'];
        observer.nomad.addService({ name: 's3', tags, instances: [{ port: 9003 }] });
      },
    };
    for (const [what, change] of Object.entries(lists)) {
      it(`reads the list again where it is behind: ${what}`, async () => {
        const { nomad } = observer;
        if (what === 'one goes') nomad.stopAlloc(nomad.allocsOf('s3')[1]?.ID ?? '');
        nomad.runAlloc({ job: 's7', ports: { http: 9999 } });
        meanwhile(change);
        await observer.read();
        expect(nomad.requests.byPath()['/v1/services']).to.be.above(1);
        const names = (await observer.read()).services.map(({ name }) => name);
        expect(names.includes('new')).to.equal(what === 'a service comes');
      });
    }

    it('holds no removals for a list that was behind, where an event was lost', async () => {
      const { nomad, reader } = observer;
      nomad.runAlloc({ job: 's7', ports: { http: 9999 } });
      meanwhile(() => {
        quiet();
        for (const { ID } of nomad.allocsOf('s3')) nomad.deregisterInstance(ID);
        nomad.state.onEvents((batch) => void reader.hear(JSON.stringify(batch)));
        nomad.runAlloc({ job: 's7', ports: { http: 9998 } });
      });
      const before = await observer.read();
      expect(portsOf(before, 's3')).to.have.lengthOf(2);
      now += 300_000;
      const after = await observer.read();
      expect(after.index).to.equal(before.index);
      expect(portsOf(after, 's3')).to.have.lengthOf(0);
      expect(after.trust).to.deep.equal({ removals: 'allowed' });
    });

    it('takes nothing from a stream that keeps the change back', async () => {
      const { nomad } = observer;
      nomad.runAlloc({ job: 's7', ports: { http: 9999 } });
      meanwhile(() => {
        quiet();
        nomad.runAlloc({ job: 's3', ports: { http: 9998 } });
      });
      const catalog = await observer.read();
      expect(portsOf(catalog, 's3')).to.include(9998);
      expect(askedByName()).to.be.above(services);
    });
  });

  describe('is a full one', () => {
    const doubts: Record<string, () => unknown> = {
      'after a new connection of the stream': () => {
        observer.reader.connected(false);
        observer.reader.connected(true);
        observer.nomad.runAlloc({ job: 's7' });
      },
      'while the stream is not connected': () => {
        observer.reader.connected(false);
        observer.nomad.runAlloc({ job: 's7' });
      },
      'at an index that the stream has not told of': () => {
        observer.nomad.runAlloc({ job: 's7' });
        touch();
      },
      'after a line that was too long to be kept': () => {
        observer.nomad.runAlloc({ job: 's7' });
        observer.reader.hear(undefined);
      },
      'after a line that says not which service': () => {
        observer.nomad.runAlloc({ job: 's7' });
        observer.reader.hear(JSON.stringify({ Index: 9999, Events: [{ Topic: 'Service' }] }));
      },
      'when its time has come': () => (now += 300_000),
      'when the blocking query saw the index go back': () => observer.reader.wentBack(2),
      'before an instance is absent that nothing explains': () => {
        const id = allocOf('s7');
        observer.nomad.forgetAlloc(id);
        observer.nomad.deregisterInstance(id);
      },
      'before a service is absent that nothing explains': () => observer.nomad.removeService('s7'),
    };
    for (const [when, happens] of Object.entries(doubts)) {
      it(when, async () => {
        happens();
        await observer.read();
        expect(askedByName()).to.be.greaterThanOrEqual(services - 1);
        observer.reader.connected(true);
        await observer.read();
        observer.nomad.requests.reset();
        observer.nomad.runAlloc({ job: 's9' });
        await observer.read();
        expect(askedByName()).to.equal(1);
      });
    }

    it('after one that failed', async () => {
      const { nomad } = observer;
      nomad.faults.http500 = '/v1/jobs';
      nomad.runAlloc({ job: 's7' });
      await observer.read().catch(() => undefined);
      nomad.faults.clear();
      nomad.requests.reset();
      await observer.read();
      expect(askedByName()).to.equal(services);
    });

    it('after the loss of an event that changed allocations give away', async () => {
      const { nomad, reader } = observer;
      quiet();
      nomad.runAlloc({ job: 's7', ports: { http: 9999 } });
      nomad.state.onEvents((batch) => void reader.hear(JSON.stringify(batch)));
      nomad.registerInstance(allocOf('s9'));
      expect(portsOf(await observer.read(), 's7')).to.include(9999);
      expect(askedByName()).to.be.greaterThanOrEqual(services);
    });
  });

  it('is not a full one for an instance that is missing while its allocation runs', async () => {
    const { nomad } = observer;
    nomad.deregisterInstance(allocOf('s7'));
    const catalog = await observer.read();
    expect(catalog.missing).to.have.lengthOf(1);
    expect(askedByName()).to.equal(1);
  });

  it('in one namespace reads all after a change in another, of which it hears nothing', async () => {
    const { nomad, reader } = observer;
    quiet();
    nomad.state.onEvents((batch) => {
      const Events = batch.Events.filter(({ Namespace }) => Namespace === 'default');
      if (Events.length > 0) reader.hear(JSON.stringify({ ...batch, Events }));
    });
    nomad.addService({ name: 'x', namespace: 'team', tags: [enabled], instances: [{ port: 1 }] });
    await observer.read();
    expect(askedByName()).to.be.greaterThanOrEqual(services);
  });
});
