import { expect } from 'chai';
import { grants, readJobIn } from '../../fixtures/nomad/acl.js';
import type { ErrorCode } from '../../src/shared/errors.js';
import type { Catalog } from '../../src/observe/types.js';
import {
  enabled,
  failure,
  onlyInstance,
  serviceOf,
  startObserver,
  type Observer,
} from './setup.js';

const token = 'secret-token';
const S = 1_000_000_000;

describe('never mistakes an outage for an empty catalog', () => {
  let observer: Observer;
  beforeEach(async () => {
    observer = await startObserver({ settings: { token, requestTimeoutMs: 1500 } });
    observer.nomad.addService({
      name: 'web',
      tags: [enabled],
      instances: [{ port: 9000 }, { port: 9001 }],
      checks: [{ Type: 'http', Path: '/health', Interval: S, Timeout: S }],
    });
  });
  afterEach(() => observer.close());

  const outages: Record<string, [ErrorCode, (observer: Observer) => unknown]> = {
    'there never was a leader (S24)': [
      'nomad-failed',
      ({ nomad }) => (nomad.faults.noLeaderEver = true),
    ],
    'quorum is lost (S24)': ['nomad-failed', ({ nomad }) => (nomad.faults.quorumLost = true)],
    'an answer knows no leader': [
      'nomad-untrusted',
      ({ nomad }) => (nomad.faults.unknownLeader = true),
    ],
    'everything answers 500 (S24)': ['nomad-failed', ({ nomad }) => (nomad.faults.http500 = true)],
    'one service answers 500': [
      'nomad-failed',
      ({ nomad }) => (nomad.faults.http500 = '/v1/service/'),
    ],
    'allocations answer 500': [
      'nomad-failed',
      ({ nomad }) => (nomad.faults.http500 = '/v1/allocations'),
    ],
    'jobs answer 500': ['nomad-failed', ({ nomad }) => (nomad.faults.http500 = '/v1/jobs')],
    'there are too many connections': [
      'nomad-failed',
      ({ nomad }) => (nomad.faults.http429 = '/v1/service/'),
    ],
    'the answer is not JSON': ['nomad-untrusted', ({ nomad }) => (nomad.faults.garbage = true)],
    'one answer is not JSON': [
      'nomad-untrusted',
      ({ nomad }) => (nomad.faults.garbage = '/v1/allocations'),
    ],
    'the answer is cut': ['nomad-unreachable', ({ nomad }) => (nomad.faults.truncated = true)],
    'connections are reset': ['nomad-unreachable', ({ nomad }) => (nomad.faults.reset = true)],
    'nothing answers': ['nomad-unreachable', ({ nomad }) => (nomad.faults.hang = '/v1/jobs')],
    'nobody listens': ['nomad-unreachable', ({ nomad }) => nomad.stop()],
    'the token is anonymous or weak': [
      'nomad-untrusted',
      ({ nomad }) => withGrant(nomad, grants.none),
    ],
    'the token is invalid or expired': [
      'nomad-refused',
      ({ nomad }) => withGrant(nomad, grants.invalid),
    ],
    'the token reads one namespace, without list-jobs': [
      'nomad-refused',
      ({ nomad }) => withGrant(nomad, readJobIn('default')),
    ],
    'a workload identity has no policy': [
      'nomad-untrusted',
      ({ nomad }) => withGrant(nomad, grants.workload),
    ],
  };

  for (const [state, [code, cause]] of Object.entries(outages)) {
    for (const when of ['on the first read', 'after good ones'] as const) {
      it(`${state}, ${when}: ${code}, and a good read follows it`, async () => {
        if (when === 'after good ones') {
          await observer.read();
          observer.nomad.addService({ name: 'api', tags: [enabled], instances: [{ port: 9002 }] });
        }
        await cause(observer);
        const error = await failure(observer.read());
        expect(error.code).to.equal(code);
        expect(error.retryable).to.equal(true);
        expect(JSON.stringify([error.message, String(error.cause), error.stack])).not.to.include(
          token,
        );

        observer.nomad.faults.clear();
        observer.nomad.acl.disable();
        await observer.nomad.start();
        const catalog = await observer.read();
        expect(serviceOf(catalog, 'web').instances).to.have.lengthOf(2);
        expect(catalog.trust.removals).to.equal('allowed');
      });
    }
  }

  it('a workload identity without a policy is refused in a namespace of its own too', async () => {
    const own = await startObserver({ settings: { token, namespace: 'default' } });
    own.nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
    withGrant(own.nomad, grants.workload);
    const error = await failure(own.read());
    await own.close();
    expect(error.code).to.equal('nomad-refused');
  });

  it('a token with read-job and list-jobs everywhere is enough', async () => {
    withGrant(observer.nomad, grants.readEverything);
    expect((await observer.read()).services).to.have.lengthOf(1);
  });

  it('a namespace that vanished because the token lost its rights there is hidden', async () => {
    const { nomad } = observer;
    nomad.addService({
      name: 'web',
      namespace: 'team',
      tags: [enabled],
      instances: [{ port: 9100 }],
    });
    withGrant(nomad, grants.readEverything);
    await observer.read();
    nomad.acl.grant(token, {
      kind: 'policy',
      namespaces: ['default'],
      capabilities: ['read-job', 'list-jobs'],
    });
    const { signal } = new AbortController();
    for (let again = 0; again < 2; again++) {
      const { services } = await observer.read();
      expect(services.map(({ namespace }) => namespace)).to.deep.equal(['default']);
      const hidden = await observer.reader.hidden(['default', 'team', 'nobodys'], signal);
      expect(hidden).to.deep.equal(['team', 'nobodys']);
    }
  });

  it('a namespace that was emptied and deleted is confirmed, and believed', async () => {
    const { nomad } = observer;
    nomad.addService({
      name: 'web',
      namespace: 'team',
      tags: [enabled],
      instances: [{ port: 9100 }],
    });
    await observer.read();
    expect(observer.reader.namespaces()).to.deep.equal(['default', 'team']);
    nomad.removeService('web', 'team');
    nomad.deleteNamespace('team');
    nomad.requests.reset();
    const catalog = await observer.read();
    expect(catalog.trust.removals).to.equal('allowed');
    expect(catalog.services.map(({ namespace }) => namespace)).to.deep.equal(['default']);
    expect(
      nomad.requests.all.filter(({ query }) => query['namespace'] === 'team'),
    ).to.have.lengthOf(2);
    nomad.requests.reset();
    await observer.read();
    expect(nomad.requests.all).to.have.lengthOf(3);
  });

  it('a list without a namespace that is still there holds removals', async () => {
    const { nomad } = observer;
    nomad.addService({
      name: 'web',
      namespace: 'team',
      tags: [enabled],
      instances: [{ port: 9100 }],
    });
    await observer.read();
    nomad.faults.emptyList = /^\/v1\/services\?namespace=\*/;
    expect(held(await observer.read())).to.match(/default|team/);
  });

  it('an empty list of services, while allocations that offer them run, holds removals', async () => {
    observer.nomad.faults.emptyList = '/v1/services';
    const catalog = await observer.read();
    expect(held(catalog)).to.match(/lists no services in default/);
    expect(catalog.missing).to.have.lengthOf(2);
    expect(serviceOf(catalog, 'web').declarations).to.have.lengthOf(1);
  });

  it('an empty list of allocations, while jobs run, is an error: all would look like ghosts', async () => {
    observer.nomad.faults.emptyList = '/v1/allocations';
    expect((await failure(observer.read())).code).to.equal('nomad-untrusted');
  });

  it('an empty list of jobs, while allocations run, holds removals and keeps claims', async () => {
    const before = serviceOf(await observer.read(), 'web').claimedAt;
    observer.nomad.faults.emptyList = '/v1/jobs';
    const catalog = await observer.read();
    expect(held(catalog)).to.match(/job/);
    expect(serviceOf(catalog, 'web').claimedAt).to.equal(before);
  });

  it('empty lists of allocations and jobs while instances are registered are an error', async () => {
    await observer.read();
    observer.nomad.faults.emptyList = /^\/v1\/(allocations|jobs)\b/;
    expect((await failure(observer.read(true))).code).to.equal('nomad-untrusted');
    observer.nomad.faults.clear();
    expect((await observer.read(true)).trust.removals).to.equal('allowed');
  });

  it('a contradiction that lasts costs one full read a pass, and none when it is over', async () => {
    await observer.read();
    const { faults, requests } = observer.nomad;
    faults.emptyList = '/v1/allocations';
    const costs: number[] = [];
    for (let pass = 0; pass < 4; pass += 1) {
      requests.reset();
      expect((await failure(observer.read())).code).to.equal('nomad-untrusted');
      costs.push(requests.count('/v1/services'));
    }
    expect(costs[0]).to.be.at.least(3);
    expect(new Set(costs.slice(1)).size).to.equal(1);
    expect((costs[1] ?? 0) * 3).to.be.at.most(costs[0] ?? 0);
    faults.clear();
    expect((await observer.read()).trust.removals).to.equal('allowed');
    const restore = purgeMidway(observer);
    expect((await observer.read()).services.flatMap(({ instances }) => instances)).to.be.empty;
    restore();
  });

  it('a purge that shows in allocations and jobs before it shows in services is no failure', async () => {
    await observer.read();
    const restore = purgeMidway(observer);
    const catalog = await observer.read();
    restore();
    expect(catalog.services.flatMap(({ instances }) => instances)).to.deep.equal([]);
    expect(observer.nomad.requests.count('/v1/services')).to.be.at.least(2);
  });

  it('less than before at the same index holds removals until the index moves', async () => {
    const { nomad } = observer;
    await observer.read();
    nomad.faults.wiped = true;
    for (const full of [false, true, true]) {
      const { trust } = await observer.read(full);
      expect(trust).to.deep.include({ removals: 'held' });
      expect(trust.removals === 'held' && trust.reason).to.include('at the same index');
    }
    nomad.faults.indexAhead = 1;
    expect((await observer.read(true)).trust.removals).to.equal('allowed');
  });

  it('more than before at the same index takes nothing away', async () => {
    const { nomad } = observer;
    nomad.faults.wiped = true;
    await observer.read();
    nomad.faults.wiped = false;
    const { trust, services } = await observer.read(true);
    expect([trust.removals, services.length]).to.deep.equal(['allowed', 1]);
  });

  it('all services really gone: believed, without a hold', async () => {
    await observer.read();
    observer.nomad.stopJob('web');
    const catalog = await observer.read();
    expect(catalog.services).to.deep.equal([]);
    expect(catalog.trust.removals).to.equal('allowed');
    expect((await observer.read()).trust.removals).to.equal('allowed');
  });

  it('a service that is left out of the lists is missing, not gone', async () => {
    const { nomad } = observer;
    nomad.addService({ name: 'api', tags: [enabled], instances: [{ port: 9002 }] });
    const before = await observer.read();
    nomad.faults.hiddenServices = ['web'];
    nomad.addService({ name: 'more', tags: [enabled], instances: [{ port: 9003 }] });
    const catalog = await observer.read();
    expect(serviceOf(catalog, 'web').instances).to.deep.equal([]);
    expect(catalog.missing).to.deep.equal(serviceOf(before, 'web').instances.map(({ id }) => id));
  });

  describe('torn reads', () => {
    it('are made again, as far as they are outdated, until they are whole', async () => {
      const { nomad } = observer;
      nomad.faults.tornReads = 1;
      const catalog = await observer.read();
      expect(catalog.trust.removals).to.equal('allowed');
      expect(catalog.index).to.equal(nomad.state.read.indexes.services);
      expect(nomad.requests.count('/v1/services')).to.equal(2);
      // Read once already at the index that the second list has.
      expect(nomad.requests.count('/v1/service/')).to.equal(1);
    });

    it('hold removals after the third', async () => {
      const { nomad } = observer;
      for (let i = 0; i < 12; i += 1) {
        nomad.addService({ name: `s${i}`, tags: [enabled], instances: [{ port: 9100 + i }] });
      }
      const quiet = changeAtEachRead(observer);
      const catalog = await observer.read();
      expect(held(catalog)).to.match(/^torn read/);
      expect(catalog.trust).to.have.property('torn', true);
      expect(catalog.services).to.have.lengthOf(13);
      expect(nomad.requests.count('/v1/services')).to.equal(3);
      quiet();
      expect((await observer.read()).trust.removals).to.equal('allowed');
    });

    it('that never end hold removals once: additions count, and what two reads lack has gone', async () => {
      const { nomad } = observer;
      const api = nomad.addService({
        name: 'api',
        tags: [enabled],
        instances: [{ port: 9100 }, { port: 9101 }],
      });
      const quiet = changeAtEachRead(observer);
      expect((await observer.read()).trust).to.have.property('torn', true);
      api.addInstance({ port: 9102 });
      const [first, second] = api.allocs;
      nomad.stopAlloc(first?.ID ?? '');
      for (const round of [1, 2, 3]) {
        const catalog = await observer.read();
        expect(catalog.trust, String(round)).to.deep.equal({ removals: 'allowed' });
        const ports = serviceOf(catalog, 'api').instances.map(({ port }) => port);
        expect(ports).to.have.members([9101, 9102]);
        expect(catalog.allocations[first?.ID ?? '']?.clientStatus).to.equal('complete');
      }
      nomad.removeService('api');
      expect(serviceNames(await observer.read())).to.deep.equal(['web']);
      expect(second?.ID).to.be.a('string');
      quiet();
      expect((await observer.read()).trust.removals).to.equal('allowed');
    });

    it('carry over what only the last answer lacks while its allocation is to run', async () => {
      const { nomad } = observer;
      nomad.addService({ name: 'api', tags: [enabled], instances: [{ port: 9100 }] });
      const [alloc] = nomad.allocsOf('api');
      const quiet = changeAtEachRead(observer);
      await observer.read();
      let lists = 0;
      const record = nomad.requests.add.bind(nomad.requests);
      nomad.requests.add = (request) => {
        record(request);
        // Before the third and last attempt of the read.
        if (request.path === '/v1/services' && ++lists === 3) {
          nomad.deregisterInstance(alloc?.ID ?? '');
        }
      };
      const catalog = await observer.read();
      expect(serviceOf(catalog, 'api').instances.map(({ port }) => port)).to.deep.equal([9100]);
      expect(catalog.missing).to.deep.equal([]);
      const next = await observer.read();
      expect(serviceOf(next, 'api').instances).to.deep.equal([]);
      expect(next.missing).to.have.lengthOf(1);
      quiet();
    });

    it('a job that went since it was listed is absent, and holds removals', async () => {
      observer.nomad.addService({ name: 'zero', tags: [enabled], count: 0 });
      observer.nomad.faults.gone = ['zero'];
      const catalog = await observer.read();
      expect(held(catalog)).to.match(/^torn read: job default\/zero/);
      expect(catalog.services.map(({ name }) => name)).to.deep.equal(['web']);
    });

    it('an allocation that went since it was listed holds removals', async () => {
      const { nomad } = observer;
      const web = nomad.addService({ name: 'old', tags: [enabled], instances: [{ port: 9005 }] });
      const [alloc] = web.allocs;
      web.update((group) => ({ ...group, ShutdownDelay: S }));
      nomad.faults.gone = [alloc?.ID ?? ''];
      expect(held(await observer.read())).to.match(/^torn read: allocation/);
    });
  });

  describe('an index that goes back', () => {
    it('drops caches and holds removals for one pass', async () => {
      const { nomad } = observer;
      await observer.read();
      nomad.faults.indexBehind = 3;
      nomad.requests.reset();
      const catalog = await observer.read();
      expect(held(catalog)).to.match(/went back/);
      expect(catalog.trust).not.to.have.property('torn');
      expect(nomad.requests.count('/v1/service/')).to.be.greaterThan(0);
      expect(nomad.requests.count('/v1/job/')).to.equal(1);
      expect((await observer.read()).trust.removals).to.equal('allowed');
    });

    it('holds removals also if the pass that saw it failed', async () => {
      const { nomad } = observer;
      await observer.read();
      nomad.faults.indexBehind = 3;
      nomad.faults.http500 = '/v1/service/';
      expect((await failure(observer.read())).code).to.equal('nomad-failed');
      nomad.faults.http500 = false;
      expect(held(await observer.read())).to.match(/went back/);
    });
  });

  describe('a job spec that cannot be read', () => {
    it('S18: keeps the checks that this process knows of that version', async () => {
      const { nomad } = observer;
      await observer.read();
      nomad.faults.unreadableJobs = ['web'];
      nomad.registerJob({ ...specOf(observer), Meta: { changed: 'yes' } });
      const catalog = await observer.read();
      const specs = serviceOf(catalog, 'web').instances.map(({ spec }) => spec.status);
      expect(specs).to.deep.equal(['known', 'known']);
      expect(serviceOf(catalog, 'web').declarations).to.have.lengthOf(1);
      expect(codes(catalog)).to.include('spec-unreadable');
      expect(catalog.trust.removals).to.equal('allowed');
    });

    it('S18: is told apart from "no check", and holds removals, if nothing is known', async () => {
      observer.nomad.faults.unreadableJobs = ['web'];
      const catalog = await observer.read();
      expect(serviceOf(catalog, 'web').instances.map(({ spec }) => spec.status)).to.deep.equal([
        'unreadable',
        'unreadable',
      ]);
      expect(codes(catalog)).to.include('spec-unreadable');
      expect(held(catalog)).to.match(/services of job default\/web are unknown/);
      observer.nomad.faults.clear();
      const good = await observer.read();
      expect(serviceOf(good, 'web').instances.map(({ spec }) => spec.status)).to.deep.equal([
        'known',
        'known',
      ]);
      expect(good.trust.removals).to.equal('allowed');
    });

    it('holds up no other service', async () => {
      const { nomad } = observer;
      nomad.addService({ name: 'api', tags: [enabled], instances: [{ port: 9002 }] });
      nomad.faults.http403 = '/v1/job/web';
      expect(onlyInstance(await observer.read(), 'api').spec.status).to.equal('known');
    });
  });

  it('S12: an instance that outlived its allocation is a ghost', async () => {
    const { nomad } = observer;
    const [alloc] = nomad.allocsOf('web');
    nomad.forgetAlloc(alloc?.ID ?? '');
    const catalog = await observer.read();
    const ghost = serviceOf(catalog, 'web').instances.find(({ allocId }) => allocId === alloc?.ID);
    expect(ghost?.allocation).to.equal(undefined);
    expect(catalog.warnings.find(({ code }) => code === 'ghost-instance')?.subject).to.equal(
      ghost?.id,
    );
  });

  it('S12: an instance that is deregistered while its allocation runs is missing', async () => {
    const { nomad } = observer;
    await observer.read();
    const [alloc] = nomad.allocsOf('web');
    const [registration] = nomad.registrationsOf(alloc?.ID ?? '');
    nomad.deregisterInstance(alloc?.ID ?? '');
    expect((await observer.read()).missing).to.deep.equal([registration?.ID]);
    nomad.stopAlloc(alloc?.ID ?? '');
    expect((await observer.read()).missing).to.deep.equal([]);
  });

  it('a read that is aborted ends at once', async () => {
    observer.nomad.faults.hang = true;
    const stopper = new AbortController();
    const reading = failure(observer.reader.read({ signal: stopper.signal }));
    stopper.abort();
    expect((await reading).code).to.equal('aborted');
  });
});

function withGrant(
  nomad: Observer['nomad'],
  grant: Parameters<Observer['nomad']['acl']['grant']>[1],
): void {
  nomad.acl.enable();
  if (grant.kind !== 'invalid') nomad.acl.grant(token, grant);
  else nomad.acl.revoke(token);
}

/** Each read of instances finds the index moved, until the function given back is called. */
function changeAtEachRead({ nomad }: Observer): () => void {
  const [alloc] = nomad.allocsOf('web');
  const record = nomad.requests.add.bind(nomad.requests);
  nomad.requests.add = (request) => {
    record(request);
    if (request.path.startsWith('/v1/service/')) nomad.registerInstance(alloc?.ID ?? '');
  };
  return () => {
    nomad.requests.add = record;
  };
}

/** From now on jobs and allocations are gone, and instances from the end of the next read on. */
function purgeMidway({ nomad }: Observer): () => void {
  nomad.faults.emptyList = /^\/v1\/(allocations|jobs)\b/;
  const record = nomad.requests.add.bind(nomad.requests);
  nomad.requests.reset();
  nomad.requests.add = (request) => {
    record(request);
    if (request.path === '/v1/services' && nomad.requests.count('/v1/services') > 1) {
      nomad.removeService('web');
    }
  };
  return () => {
    nomad.requests.add = record;
  };
}

function specOf({ nomad }: Observer): Parameters<Observer['nomad']['registerJob']>[0] {
  return nomad.job('web') as unknown as Parameters<Observer['nomad']['registerJob']>[0];
}

function serviceNames({ services }: Catalog): string[] {
  return services.map(({ name }) => name);
}

function codes(catalog: Catalog): string[] {
  return catalog.warnings.map(({ code }) => code);
}

function held({ trust }: Catalog): string {
  expect(trust.removals).to.equal('held');
  return trust.removals === 'held' ? trust.reason : '';
}
