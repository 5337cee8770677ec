/** What is odd about one job or service concerns that one alone. */

import { expect } from 'chai';
import { grants } from '../../fixtures/nomad/acl.js';
import { checkPaths, enabled, serviceOf, startObserver, type Observer } from './setup.js';

const S = 1_000_000_000;
const { signal } = new AbortController();

describe('one among many', () => {
  let observer: Observer;
  beforeEach(async () => {
    observer = await startObserver({ settings: { token: 'secret' } });
    observer.nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
  });
  afterEach(() => observer.close());

  const ids = [
    ...['x/allocations', 'v/versions', 'p/dispatch/payload', 'd/dispatch', 's/summary', 'plan'],
    ...['a//b', 'a/../b', 'end/', '/start', 'q?x=1', 'h#y', 'p%2Fz', 'ünï/versions', 'tab/tag/y'],
  ];
  for (const allocationId of ids) {
    it(`a job of the ID ${allocationId} is read, and holds nobody's removals`, async () => {
      const { nomad } = observer;
      const checks = [{ Type: 'http', Path: '/odd', Interval: S, Timeout: S }];
      nomad.addService({
        name: 'odd',
        tags: [enabled],
        job: { ID: allocationId },
        checks,
        instances: [{ port: 9001 }],
      });
      nomad.addService({
        name: 'zero',
        tags: [enabled],
        job: { ID: `${allocationId}/services` },
        count: 0,
      });
      for (const round of [1, 2]) {
        const catalog = await observer.read();
        expect(catalog.trust, String(round)).to.deep.equal({ removals: 'allowed' });
        expect(checkPaths(serviceOf(catalog, 'odd'))).to.deep.equal(['/odd']);
        expect(serviceOf(catalog, 'odd').declarations[0]?.jobId).to.equal(allocationId);
        expect(serviceOf(catalog, 'zero').declarations).to.have.lengthOf(1);
        expect(catalog.missing).to.deep.equal([]);
      }
    });
  }

  // Nomad takes IDs of a megabyte, and then answers requests that name them with 431.
  const unaddressable = { '..': '..', 'of 20,000 bytes': 'x'.repeat(20_000) };
  for (const [what, ID] of Object.entries(unaddressable)) {
    it(`a job whose ID no URL can hold is known by its instances alone: ${what}`, async () => {
      const { nomad } = observer;
      nomad.addService({ name: 'up', tags: [enabled], job: { ID }, instances: [{ port: 9001 }] });
      const catalog = await observer.read();
      expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
      expect(serviceOf(catalog, 'up').instances[0]?.spec.status).to.equal('unreadable');
      expect(catalog.warnings.find(({ code }) => code === 'spec-unreadable')?.subject).to.equal(
        `default/${ID}`.slice(0, 500),
      );
    });
  }

  for (const odd of ['a/b', '/', '..', '.', 'x/../y', 'a\nb', 'a\u202eb', 'x'.repeat(256)]) {
    it(`a service that a variable made ${odd} is left out with a warning`, async () => {
      const { nomad } = observer;
      nomad.addService({
        name: '${NOMAD_META_odd}',
        tags: [enabled],
        job: { ID: 'odd', Meta: { odd } },
        instances: [{ port: 9001 }],
      });
      const catalog = await observer.read();
      expect(catalog.services.map(({ name }) => name)).to.deep.equal(['web']);
      expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
      expect(catalog.warnings.find(({ code }) => code === 'service-unreadable')?.subject).to.equal(
        `default/${odd}`,
      );
    });
  }

  const failures: Readonly<Record<string, (observer: Observer) => void>> = {
    'answers 500': ({ nomad }) => (nomad.faults.http500 = '/v1/service/odd'),
    'answers no JSON': ({ nomad }) => (nomad.faults.garbage = '/v1/service/odd'),
  };
  for (const [what, fault] of Object.entries(failures)) {
    it(`a service whose read ${what} is unreadable alone, until it can be read`, async () => {
      const { nomad } = observer;
      nomad.addService({ name: 'odd', tags: [enabled], instances: [{ port: 9001 }] });
      await observer.read();
      fault(observer);
      for (const full of [true, false]) {
        const catalog = await observer.read(full);
        expect(catalog.services.map(({ name }) => name)).to.deep.equal(['web']);
        expect(catalog.unreadable?.map(({ name }) => name)).to.deep.equal(['odd']);
        expect(catalog.unreadable?.[0]?.declarations).to.have.lengthOf(1);
        expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
        expect(catalog.missing).to.deep.equal([]);
      }
      nomad.faults.clear();
      const { services, unreadable } = await observer.read();
      expect(services.map(({ name }) => name)).to.deep.equal(['odd', 'web']);
      expect(unreadable).to.equal(undefined);
    });
  }

  it('a service with an enormous answer exceeds a limit alone', async () => {
    const { nomad } = observer;
    const tags = [enabled, ...Array.from({ length: 6000 }, (_, at) => `some.tag.${at}=value`)];
    nomad.addService({ name: 'odd', tags, instances: [{ port: 9001 }] });
    const catalog = await observer.read();
    expect(catalog.services.map(({ name }) => name)).to.deep.equal(['web']);
    expect(catalog.unreadable?.[0]).to.include({ name: 'odd', limit: 'object_bytes' });
    expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
  });

  it('a job whose variables resolve to millions of characters is unreadable alone', async () => {
    const { nomad } = observer;
    nomad.addService({
      name: 'odd',
      tags: [enabled, `x=${'${NOMAD_META_big}'.repeat(200)}`],
      job: { ID: 'odd', Meta: { big: 'x'.repeat(20_000) } },
      count: 0,
    });
    const catalog = await observer.read();
    expect(catalog.services.map(({ name }) => name)).to.deep.equal(['web']);
    const subjects = catalog.warnings.filter(({ code }) => code === 'spec-unreadable');
    expect(subjects.map(({ subject }) => subject)).to.deep.equal(['default/odd']);
  });

  it('a service that a variable gave blanks has them', async () => {
    const { nomad } = observer;
    nomad.addService({
      name: '${NOMAD_META_odd}',
      tags: [enabled],
      job: { ID: 'odd', Meta: { odd: 'a b c' } },
      instances: [{ port: 9001 }],
    });
    const { instances } = serviceOf(await observer.read(), 'a b c');
    expect(instances).to.have.lengthOf(1);
  });

  it('names that differ in case only are two', async () => {
    const { nomad } = observer;
    nomad.addService({ name: 'Web', tags: [enabled], instances: [{ port: 9001 }] });
    const catalog = await observer.read();
    expect(catalog.services.map(({ name }) => name)).to.deep.equal(['Web', 'web']);
    expect(serviceOf(catalog, 'Web').instances[0]?.port).to.equal(9001);
    expect(serviceOf(catalog, 'web').instances[0]?.port).to.equal(9000);
    expect(serviceOf(catalog, 'Web').instances[0]?.spec.status).to.equal('known');
  });

  it('a job that registers one service twice has two instances of it, each with its checks', async () => {
    const { nomad } = observer;
    const block = (PortLabel: string) => ({
      Name: 'twice',
      Provider: 'nomad',
      PortLabel,
      Tags: [enabled],
      Checks: [{ Type: 'http', Path: `/${PortLabel}`, Interval: S, Timeout: S }],
    });
    nomad.registerJob({
      ID: 'twice',
      TaskGroups: [
        {
          Name: 'g',
          Count: 1,
          Networks: [{ DynamicPorts: [{ Label: 'one' }, { Label: 'two' }] }],
          Services: [block('one'), block('two')],
        },
      ],
    });
    nomad.runAlloc({ job: 'twice' });
    const catalog = await observer.read();
    const twice = serviceOf(catalog, 'twice');
    expect([...checkPaths(twice)].sort()).to.deep.equal(['/one', '/two']);
    expect(new Set(twice.instances.map(({ port }) => port)).size).to.equal(2);
    expect(catalog.missing).to.deep.equal([]);
  });

  describe('a namespace whose jobs the token may not list', () => {
    beforeEach(() => {
      const { nomad } = observer;
      nomad.addService({
        name: 'api',
        namespace: 'team',
        tags: [enabled],
        instances: [{ port: 9001 }],
      });
      nomad.faults.unlistedJobs = ['team'];
      nomad.acl.enable();
      nomad.acl.grant('secret', grants.readEverything);
    });

    it('holds removals there, and nowhere else', async () => {
      const catalog = await observer.read();
      expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
      expect(serviceOf(catalog, 'api', 'team').instances).to.have.lengthOf(1);
      expect(await observer.reader.hidden(['default', 'team'], signal)).to.deep.equal(['team']);
      observer.nomad.faults.clear();
      await observer.read();
      expect(await observer.reader.hidden(['default', 'team'], signal)).to.deep.equal([]);
    });

    it('holds them everywhere when no job is listed at all', async () => {
      observer.nomad.faults.unlistedJobs = ['team', 'default'];
      expect((await observer.read()).trust.removals).to.equal('held');
    });
  });

  it('a job that can not be read and was never known holds removals in its namespace alone', async () => {
    const { nomad } = observer;
    nomad.addService({ name: 'api', namespace: 'team', tags: [enabled], count: 0 });
    nomad.faults.unreadableJobs = ['api'];
    expect((await observer.read()).trust).to.deep.equal({ removals: 'allowed' });
    expect(await observer.reader.hidden(['default', 'team'], signal)).to.deep.equal(['team']);
  });
});
