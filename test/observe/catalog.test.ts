import { expect } from 'chai';
import {
  checkPaths,
  enabled,
  onlyInstance,
  serviceOf,
  startObserver,
  type Observer,
} from './setup.js';

const S = 1_000_000_000;

describe('one read of the catalog', () => {
  let observer: Observer;
  beforeEach(async () => (observer = await startObserver()));
  afterEach(() => observer.close());

  it('S1: holds what opted in, with instances, allocations, checks and delays', async () => {
    const { nomad } = observer;
    nomad.addService({
      name: 'web',
      tags: [enabled, 'haproxy.domain=web.example.com'],
      instances: [
        { address: '10.0.0.1', port: 8001 },
        { address: '10.0.0.2', port: 8002, canary: true },
      ],
      checks: [
        {
          Name: 'up',
          Type: 'http',
          Path: '/health',
          Interval: 5 * S,
          Timeout: S,
          Header: { Host: ['x'] },
        },
      ],
      shutdownDelayMs: 3000,
    });
    nomad.addService({ name: 'other', instances: [{ address: '10.0.0.9', port: 1 }] });

    const catalog = await observer.read();

    expect(catalog.services.map(({ name }) => name)).to.deep.equal(['web']);
    const web = serviceOf(catalog, 'web');
    expect(web.claimedAt).to.equal(nomad.job('web').CreateIndex);
    const [first] = web.instances.filter(({ port }) => port === 8001);
    expect(first).to.include({ jobId: 'web', address: '10.0.0.1' });
    expect(first?.tags).to.deep.equal([enabled, 'haproxy.domain=web.example.com']);
    expect(first?.allocation).to.include({
      clientStatus: 'running',
      desiredStatus: 'run',
      canary: false,
    });
    expect(first?.spec).to.deep.equal({
      status: 'known',
      shutdownDelayMs: 3000,
      checks: [
        {
          name: 'up',
          type: 'http',
          path: '/health',
          headers: { Host: ['x'] },
          intervalMs: 5000,
          timeoutMs: 1000,
          tlsSkipVerify: false,
        },
      ],
    });
    expect(web.instances.find(({ port }) => port === 8002)?.allocation?.canary).to.equal(true);
    expect(Object.keys(catalog.allocations)).to.have.lengthOf(3);
    expect(catalog).to.include({ index: nomad.state.read.indexes.services });
    expect(catalog.missing).to.deep.equal([]);
    expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
    expect(catalog.warnings).to.deep.equal([]);
  });

  it('costs three requests when nothing changed', async () => {
    const { nomad } = observer;
    for (let i = 0; i < 5; i += 1) {
      nomad.addService({ name: `s${i}`, tags: [enabled], instances: [{ port: 9000 + i }] });
    }
    const first = await observer.read();
    nomad.requests.reset();
    const second = await observer.read();

    expect(nomad.requests.byPath()).to.deep.equal({
      '/v1/services': 1,
      '/v1/allocations': 1,
      '/v1/jobs': 1,
    });
    expect(second).to.deep.equal(first);
  });

  it('reads instances again when the index moved or a full read is asked for, specs only when changed', async () => {
    const { nomad } = observer;
    const web = nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
    nomad.addService({ name: 'api', tags: [enabled], instances: [{ port: 9001 }] });
    await observer.read();
    nomad.requests.reset();
    web.addInstance({ port: 9002 });
    await observer.read();
    expect(nomad.requests.count('/v1/service/')).to.equal(2);
    expect(nomad.requests.count('/v1/job/')).to.equal(0);

    nomad.requests.reset();
    await observer.read(true);
    expect(nomad.requests.count('/v1/service/')).to.equal(2);

    nomad.requests.reset();
    web.update((group) => ({ ...group, Count: 3 }));
    await observer.read();
    expect(nomad.requests.byPath()).to.include({ '/v1/job/web': 1 });
    expect(nomad.requests.count('/v1/service/')).to.equal(0);
  });

  it('never asks for stale data', async () => {
    observer.nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
    await observer.read();
    expect(observer.nomad.requests.all.filter(({ query }) => 'stale' in query)).to.deep.equal([]);
  });

  it('opts in by any spelling of the key and of true', async () => {
    const { nomad } = observer;
    nomad.addService({ name: 'a', tags: ['HAProxy.Enable=TRUE'], instances: [{ port: 9000 }] });
    nomad.addService({ name: 'b', tags: ['haproxy.enable=false'], instances: [{ port: 9001 }] });
    nomad.addService({ name: 'c', tags: ['xhaproxy.enable=true'], instances: [{ port: 9002 }] });
    const catalog = await observer.read();
    expect(catalog.services.map(({ name }) => name)).to.deep.equal(['a']);
  });

  it('R2.7: a service scaled to zero lives on in its spec, until the job is stopped', async () => {
    const { nomad } = observer;
    const web = nomad.addService({
      name: 'web',
      tags: [enabled, 'haproxy.domain=a.example.com'],
      instances: [{ port: 9000 }],
    });
    await observer.read();
    nomad.scaleJob('web', 0);
    for (const { ID } of web.allocs) nomad.stopAlloc(ID);
    nomad.setJobStatus('web', 'dead');

    const zero = serviceOf(await observer.read(), 'web');
    expect(zero.instances).to.deep.equal([]);
    expect(zero.declarations).to.have.lengthOf(1);
    expect(zero.declarations[0]).to.include({ jobId: 'web', group: 'web', count: 0 });
    expect(zero.declarations[0]?.tags).to.include('haproxy.domain=a.example.com');
    expect(zero.claimedAt).to.equal(nomad.job('web').CreateIndex);

    nomad.stopJob('web');
    expect((await observer.read()).services).to.deep.equal([]);
  });

  it('R2.7: knows a service of a job that never ran anything', async () => {
    observer.nomad.addService({ name: 'web', tags: [enabled], count: 0 });
    const catalog = await observer.read();
    expect(serviceOf(catalog, 'web').declarations).to.have.lengthOf(1);
    expect(catalog.trust.removals).to.equal('allowed');
  });

  it("ignores another provider's services", async () => {
    observer.nomad.addService({ name: 'web', tags: [enabled], count: 1, provider: 'consul' });
    expect((await observer.read()).services).to.deep.equal([]);
  });

  it('S19: in a canary each instance has the checks of its own version', async () => {
    const { nomad } = observer;
    const check = (path: string) => ({ Type: 'http', Path: path, Interval: S, Timeout: S });
    const web = nomad.addService({
      name: 'web',
      tags: [enabled],
      instances: [{ port: 9000 }, { port: 9001 }],
      checks: [check('/old')],
    });
    web.update((group) => ({
      ...group,
      Services: (group.Services ?? []).map((service) => ({ ...service, Checks: [check('/new')] })),
    }));
    web.addInstance({ port: 9002, canary: true });

    const catalog = await observer.read();
    const paths = [...checkPaths(serviceOf(catalog, 'web'))].sort();
    expect(paths).to.deep.equal(['/new', '/old', '/old']);
    // Both old instances run the same version: one of them is asked for it.
    expect(nomad.requests.count('/v1/allocation/')).to.equal(1);
    nomad.requests.reset();
    await observer.read();
    expect(nomad.requests.all).to.have.lengthOf(3);
  });

  it('a version that was live when it was read needs no other source', async () => {
    const { nomad } = observer;
    const web = nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
    await observer.read();
    nomad.requests.reset();
    web.update((group) => ({ ...group, ShutdownDelay: 5 * S }));
    await observer.read();
    expect(nomad.requests.count('/v1/allocation/')).to.equal(0);
  });

  it('tells a purged and re-registered job from the one that an old instance runs', async () => {
    const { nomad } = observer;
    const service = {
      name: 'web',
      tags: [enabled],
      checks: [{ Type: 'http', Path: '/first', Interval: S, Timeout: S }],
    };
    nomad.addService({ ...service, instances: [{ port: 9000 }] });
    nomad.state.commit('JobDeregistered', (tx) => tx.deleteJob(nomad.job('web')));
    nomad.addService({
      ...service,
      checks: [{ Type: 'http', Path: '/second', Interval: S, Timeout: S }],
      instances: [{ port: 9001 }],
    });
    const catalog = await observer.read();
    expect([...checkPaths(serviceOf(catalog, 'web'))].sort()).to.deep.equal(['/first', '/second']);
  });

  it('R3.1: a check on a port of its own gets the port of that instance', async () => {
    const { nomad } = observer;
    nomad.addService({
      name: 'web',
      tags: [enabled],
      otherPorts: ['admin'],
      checks: [{ Type: 'tcp', PortLabel: 'admin', Interval: S, Timeout: S }],
      instances: [{ port: 9000, ports: { admin: 9100 } }],
    });
    const { spec } = onlyInstance(await observer.read(), 'web');
    expect(spec.status === 'known' && spec.checks[0]?.port).to.equal(9100);
  });

  it('warns once for a job without shutdown_delay', async () => {
    observer.nomad.addService({
      name: 'web',
      tags: [enabled],
      instances: [{ port: 1 }, { port: 2 }],
    });
    const { warnings } = await observer.read();
    expect(warnings.map(({ code, subject }) => [code, subject])).to.deep.equal([
      ['no-shutdown-delay', 'default/web'],
    ]);
  });
});
