import { expect } from 'chai';
import type { CatalogInstance, ServedInstance } from '../../src/observe/types.js';
import { enabled, serviceOf, startObserver, type Observer } from './setup.js';

const { signal } = new AbortController();

/** R6.2: a trace that a job's end leaves, for instances that nothing else explains. */
describe('instances whose job ended', () => {
  let observer: Observer;
  beforeEach(async () => {
    observer = await startObserver();
    observer.nomad.addService({ name: 'other', tags: [enabled], instances: [{ port: 9999 }] });
  });
  afterEach(() => observer.close());

  async function served(service: string, namespace = 'default'): Promise<ServedInstance[]> {
    const { instances } = serviceOf(await observer.read(), service, namespace);
    return instances.map(({ id, jobId, createIndex }: CatalogInstance) => ({
      ...{ id, namespace, job: jobId, createIndex, service: `${namespace}/${service}` },
    }));
  }

  async function ended(of: readonly ServedInstance[]): Promise<readonly string[]> {
    await observer.read();
    return observer.reader.ended(of, signal);
  }

  const idsOf = (of: readonly ServedInstance[]): string[] => of.map(({ id }) => id);

  it('purged: its evaluation tells, though its allocations went with it', async () => {
    const { nomad } = observer;
    const instances = [{ port: 9000 }, { port: 9001 }];
    nomad.addService({ name: 'web', job: { ID: 'shop/web' }, tags: [enabled], instances });
    nomad.addService({ name: 'wiped', tags: [enabled], instances: [{ port: 9002 }] });
    const [web, wiped] = [await served('web'), await served('wiped')];
    nomad.stopJob('shop/web', { purge: true });
    nomad.state.commit('JobDeleted', (tx) => tx.purgeJob(nomad.job('wiped')));
    expect(await ended([...web, ...wiped])).to.have.members(idsOf(web));
    nomad.collectGarbage();
    expect(await ended([...web, ...wiped])).to.deep.equal([]);
  });

  it('purged and run again: the old instances only', async () => {
    const { nomad } = observer;
    const service = { name: 'web', tags: [enabled], instances: [{ port: 9000 }] };
    nomad.addService(service);
    const before = await served('web');
    nomad.stopJob('web', { purge: true });
    nomad.addService(service);
    const after = await served('web');
    expect(await ended([...before, ...after])).to.deep.equal(idsOf(before));
    nomad.state.commit('JobDeleted', (tx) => tx.purgeJob(nomad.job('web')));
    expect(await ended(after)).to.deep.equal([]);
  });

  it('of that name in another namespace: no trace', async () => {
    const { nomad } = observer;
    for (const namespace of ['default', 'team']) {
      nomad.addService({ name: 'web', namespace, tags: [enabled], instances: [{ port: 9000 }] });
    }
    const mine = await served('web');
    nomad.state.commit('JobDeleted', (tx) => tx.purgeJob(nomad.job('web')));
    nomad.stopJob({ ID: 'web', Namespace: 'team' }, { purge: true });
    expect(await ended(mine)).to.deep.equal([]);
  });

  it('stopped, and its allocations collected as garbage: the job itself tells', async () => {
    const { nomad } = observer;
    nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
    const web = await served('web');
    nomad.stopJob('web');
    nomad.state.commit('AllocationGC', (tx) => {
      for (const alloc of nomad.state.read.allocs.values()) tx.deleteAlloc(alloc);
      tx.deleteEvaluations();
    });
    expect(await ended(web)).to.deep.equal(idsOf(web));
  });

  it('while nothing is missed, nobody asks', async () => {
    const { nomad } = observer;
    nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
    const web = await served('web');
    nomad.requests.reset();
    expect(await ended(web)).to.deep.equal([]);
    expect(nomad.requests.count('/v1/evaluations')).to.equal(0);
  });

  it('a Nomad, or a proxy, that knows no evaluations or no filters: no trace, and no failure', async () => {
    const { nomad } = observer;
    nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
    const web = await served('web');
    nomad.stopJob('web', { purge: true });
    await observer.read();
    nomad.faults.noFilters = true;
    expect(await observer.reader.ended(web, signal)).to.deep.equal([]);
  });
});
