import { expect } from 'chai';
import type { JobSpec } from '../../fixtures/nomad/types.js';
import { enabled, onlyInstance, serviceOf, startObserver, type Observer } from './setup.js';

const S = 1_000_000_000;

describe('what a catalog makes of odd registrations and specs', () => {
  let observer: Observer;
  afterEach(() => observer.close());

  describe('in all namespaces', () => {
    beforeEach(async () => {
      const known: Record<string, string> = { 'db.internal': '10.9.9.9' };
      const lookup = (host: string): Promise<string[]> => {
        const address = known[host];
        return address ? Promise.resolve([address]) : Promise.reject(new Error('ENOTFOUND'));
      };
      observer = await startObserver({ lookup });
    });

    it('addresses: IPv6 in brackets, host names, none at all', async () => {
      const { nomad } = observer;
      const addresses = {
        six: '[2001:db8::1]',
        host: 'db.internal',
        none: '',
        bad: 'no.such.host',
      };
      for (const [name, address] of Object.entries(addresses)) {
        const web = nomad.addService({ name, tags: [enabled] });
        const { ID } = nomad.startAlloc({ job: name, group: name, hostIp: '10.1.1.1' });
        nomad.registerInstance(ID, { [name]: { address, port: 9000 } });
        nomad.setClientStatus(ID, 'running');
        expect(web.allocs).to.have.lengthOf(1);
      }
      const catalog = await observer.read();
      const found = catalog.services.map(({ name, instances }) => [name, instances[0]?.address]);
      expect(Object.fromEntries(found)).to.deep.equal({
        six: '2001:db8::1',
        host: '10.9.9.9',
        none: '10.1.1.1',
        bad: '',
      });
      const marked = catalog.services.filter(({ instances }) => instances[0]?.unresolved === true);
      expect(marked.map(({ name }) => name)).to.deep.equal(['bad']);
      const unresolved = catalog.warnings.filter(({ code }) => code === 'address-unresolved');
      expect(unresolved.map(({ message }) => message)).to.deep.equal([
        "default/bad: the address no.such.host can't be resolved",
      ]);
    });

    it('variables: resolved in the declarations as Nomad resolves them in registrations', async () => {
      const { nomad } = observer;
      nomad.registerJob(templated('templated'));
      const before = serviceOf(await observer.read(), 'web-blue');
      expect(before.instances).to.deep.equal([]);
      expect(before.declarations[0]?.tags).to.deep.equal([
        enabled,
        'haproxy.domain=blue.example.com',
      ]);

      nomad.runAlloc({ job: 'templated' });
      const catalog = await observer.read();
      const after = serviceOf(catalog, 'web-blue');
      expect(after.instances[0]?.tags).to.include('haproxy.domain=blue.example.com');
      expect(after.instances[0]?.spec.status).to.equal('known');
      expect(catalog.missing).to.deep.equal([]);
    });

    it('variables that only an instance tells: as one was last seen, else without them', async () => {
      const { nomad } = observer;
      const tags = [enabled, 'haproxy.domain=${node.unique.name}.example.com'];
      const web = nomad.addService({ name: 'web', tags, count: 0 });
      expect(serviceOf(await observer.read(), 'web').declarations[0]?.tags).to.deep.equal([
        enabled,
      ]);
      const alloc = web.addInstance({ port: 9000 });
      await observer.read();
      nomad.stopAlloc(alloc.ID);
      const kept = [enabled, 'haproxy.domain=node-1.example.com'];
      expect(serviceOf(await observer.read(), 'web').declarations[0]?.tags).to.deep.equal(kept);
      expect(serviceOf(await observer.read(), 'web').declarations[0]?.tags).to.deep.equal(kept);
    });

    it('a name that only an instance tells is no declaration, and its instances are known', async () => {
      const { nomad } = observer;
      const service = { Name: 'web-${node.unique.name}', PortLabel: 'http', Tags: [enabled] };
      nomad.runJob(jobWith('named', { Services: [service] }));
      const web = serviceOf(await observer.read(), 'web-node-1');
      expect(web.declarations).to.deep.equal([]);
      expect(web.instances[0]?.spec.status).to.equal('known');
    });

    it('a task-level service has its own block, and is missing only while its task runs', async () => {
      const { nomad } = observer;
      const check = { Type: 'http', Path: '/task', Interval: S, Timeout: S };
      const service = { Name: 'web', PortLabel: 'http', Tags: [enabled], Checks: [check] };
      const Tasks = [{ Name: 'main-task', ShutdownDelay: 2 * S, Services: [service] }];
      nomad.runJob(jobWith('tasked', { Tasks }));
      const [alloc] = nomad.allocsOf('tasked');
      const id = alloc?.ID ?? '';
      const { spec } = onlyInstance(await observer.read(), 'web');
      expect(spec).to.deep.include({ status: 'known', shutdownDelayMs: 2000 });

      nomad.deregisterInstance(id);
      expect((await observer.read()).missing).to.deep.equal([
        `_nomad-task-${id}-main-task-web-http`,
      ]);
      nomad.setClientStatus(id, 'pending');
      expect((await observer.read()).missing).to.deep.equal([]);
    });

    it('an instance that is not registered yet, or not any more, is not missing', async () => {
      const { nomad } = observer;
      const web = nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
      web.placeInstance({ port: 9001 });
      const [first] = web.allocs;
      nomad.stopAlloc(first?.ID ?? '', 'deregistered');
      expect((await observer.read()).missing).to.deep.equal([]);
    });

    it('two jobs with one service: both are declared, and the older one claims', async () => {
      const { nomad } = observer;
      nomad.addService({
        name: 'web',
        tags: [enabled],
        instances: [{ port: 1 }],
        job: { ID: 'z' },
      });
      nomad.addService({
        name: 'web',
        tags: [enabled],
        instances: [{ port: 2 }],
        job: { ID: 'a' },
      });
      const web = serviceOf(await observer.read(), 'web');
      expect(web.declarations.map(({ jobId }) => jobId)).to.deep.equal(['a', 'z']);
      expect(web.claimedAt).to.equal(nomad.job('z').CreateIndex);
    });

    it('a new version does not move the claim', async () => {
      const { nomad } = observer;
      const web = nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 1 }] });
      const { claimedAt } = serviceOf(await observer.read(), 'web');
      web.update((group) => ({ ...group, ShutdownDelay: S }));
      expect(serviceOf(await observer.read(), 'web').claimedAt).to.equal(claimedAt);
    });

    it('opting in or out is seen at once, by a tag of either source', async () => {
      const { nomad } = observer;
      const web = nomad.addService({ name: 'web', tags: [], instances: [{ port: 9000 }] });
      expect((await observer.read()).services).to.deep.equal([]);
      const tagged = (tags: string[]) =>
        web.update((group) => ({
          ...group,
          Services: (group.Services ?? []).map((service) => ({ ...service, Tags: tags })),
        }));
      tagged([enabled]);
      // The old instance is registered without the tag: the job's new version alone opts in.
      const catalog = await observer.read();
      expect(serviceOf(catalog, 'web').instances).to.have.lengthOf(1);
      expect(catalog.trust.removals).to.equal('allowed');
      tagged([]);
      expect((await observer.read()).services).to.deep.equal([]);
    });

    it('a finished batch job declares nothing, a service job at rest does', async () => {
      const { nomad } = observer;
      for (const Type of ['batch', 'service']) {
        nomad.addService({ name: Type, tags: [enabled], count: 0, job: { Type } });
        nomad.setJobStatus(Type, 'dead');
      }
      const names = (await observer.read()).services.map(({ name }) => name);
      expect(names).to.deep.equal(['service']);
    });

    it('allocations of all jobs are told, also those without services', async () => {
      const { nomad } = observer;
      const job: JobSpec = { ID: 'plain', TaskGroups: [{ Name: 'g', Tasks: [{ Name: 't' }] }] };
      nomad.runJob(job);
      const [alloc] = nomad.allocsOf('plain');
      const { allocations } = await observer.read();
      expect(allocations[alloc?.ID ?? '']).to.deep.equal({
        namespace: 'default',
        jobId: 'plain',
        jobVersion: 0,
        clientStatus: 'running',
        desiredStatus: 'run',
        canary: false,
        createIndex: alloc?.CreateIndex,
        node: 'node-1',
        group: 'g',
      });
    });

    it('S6: a lost node takes its instances out of the catalog', async () => {
      const { nomad } = observer;
      nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 1 }, { port: 2 }] });
      await observer.read();
      nomad.loseNode(nomad.firstNode.id);
      const catalog = await observer.read();
      expect(serviceOf(catalog, 'web').instances).to.deep.equal([]);
      expect(catalog.missing).to.deep.equal([]);
      const statuses = Object.values(catalog.allocations).map(({ clientStatus }) => clientStatus);
      expect(statuses).to.deep.equal(['lost', 'lost']);
    });

    it('S1: a thousand services are read within seconds, and then for three requests', async () => {
      const { nomad } = observer;
      for (let i = 0; i < 1000; i += 1) {
        nomad.addService({ name: `s${i}`, tags: [enabled], instances: [{ port: 1024 + i }] });
      }
      const startedAt = Date.now();
      const catalog = await observer.read();
      expect(Date.now() - startedAt).to.be.lessThan(20_000);
      expect(catalog.services).to.have.lengthOf(1000);
      nomad.requests.reset();
      await observer.read();
      expect(nomad.requests.all).to.have.lengthOf(3);
    });
  });

  describe('in some namespaces', () => {
    beforeEach(async () => {
      observer = await startObserver({ settings: { namespace: 'team-a, team-b' } });
      for (const namespace of ['team-a', 'team-b', 'team-c']) {
        const instances = [{ port: 9000 }];
        observer.nomad.addService({ name: 'web', namespace, tags: [enabled], instances });
      }
    });

    it('reads those alone, each by name', async () => {
      const catalog = await observer.read();
      const namespaces = catalog.services.map(({ namespace }) => namespace);
      expect(namespaces).to.deep.equal(['team-a', 'team-b']);
      expect(catalog.trust.removals).to.equal('allowed');
      expect(Object.values(catalog.allocations)).to.have.lengthOf(2);
      observer.nomad.requests.reset();
      await observer.read();
      expect(observer.nomad.requests.all).to.have.lengthOf(6);
      expect(observer.nomad.requests.all.some(({ query }) => query['namespace'] === '*')).to.equal(
        false,
      );
    });

    it('a service of one name in two namespaces is two services', async () => {
      const catalog = await observer.read();
      const [a, b] = ['team-a', 'team-b'].map(
        (ns) => serviceOf(catalog, 'web', ns).instances[0]?.id,
      );
      expect(a).not.to.equal(b);
    });
  });
});

function templated(id: string): JobSpec {
  const job = jobWith(id, {
    Meta: { color: 'blue' },
    Services: [
      {
        Name: 'web-${NOMAD_META_color}',
        PortLabel: 'http',
        Tags: [enabled, 'haproxy.domain=${NOMAD_META_color}.${NOMAD_META_zone}'],
      },
    ],
  });
  return { ...job, Meta: { color: 'red', zone: 'example.com' } };
}

function jobWith(id: string, group: Partial<JobSpec['TaskGroups'][number]>): JobSpec {
  const Networks = [{ DynamicPorts: [{ Label: 'http' }] }];
  return {
    ID: id,
    TaskGroups: [{ Name: 'g', Count: 1, Networks, Tasks: [{ Name: 't' }], ...group }],
  };
}
