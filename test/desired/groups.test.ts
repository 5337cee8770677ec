import { expect } from 'chai';
import fc from 'fast-check';

import type { CatalogInstance, ServiceDeclaration } from '../../src/observe/types.js';
import { checkSpec, declaration, desired, enabled, instance, service } from './given.js';

interface Given {
  readonly id: string;
  readonly job?: string;
  readonly group?: string;
  readonly version?: number;
  readonly canary?: boolean;
  readonly createIndex?: number;
  readonly path?: string;
  readonly tags: readonly string[];
}

function member(given: Given): CatalogInstance {
  const { id, job = 'web', group = 'main', version = 0, canary = false, createIndex = 100 } = given;
  return instance({
    ...{ id, jobId: job, group, createIndex, port: 20_000, tags: enabled(...given.tags) },
    allocation: { jobId: job, jobVersion: version, canary },
    checks: given.path === undefined ? [] : [checkSpec('http', { path: given.path })],
  });
}

function declared(
  jobId: string,
  jobCreateIndex: number,
  group: string,
  ...tags: readonly string[]
) {
  return declaration({ jobId, jobCreateIndex, group, count: 1, tags: enabled(...tags) });
}

function of(
  instances: readonly CatalogInstance[],
  declarations: readonly ServiceDeclaration[] = [],
) {
  return desired([service('web', { instances, declarations, claimedAt: 10 })]);
}

const hosts = (state: ReturnType<typeof of>) => state.routes.map(({ host }) => host);
const balance = (state: ReturnType<typeof of>) => state.backends[0]?.section['balance'];

describe('a service that several groups or jobs offer', () => {
  const a = member({ id: 'a', group: 'a', tags: ['domain=a.example.com'] });
  const b = member({ id: 'b', group: 'b', tags: ['domain=b.example.com'] });

  it('is routed to by the domains of all of them', () => {
    expect(hosts(of([a, b]))).to.deep.equal(['a.example.com', 'b.example.com']);
  });

  it('each group has its own paths, kind of domain and frontends', () => {
    const one = member({ id: 'a', group: 'a', tags: ['domain=a.example.com', 'path=/a'] });
    const two = member({ id: 'b', group: 'b', tags: ['domain=b.', 'domain.type=prefix'] });
    const three = member({
      id: 'c',
      group: 'c',
      tags: ['domain=a.example.com', 'path=/a', 'frontend=internal'],
    });
    const shown = of([one, two, three]).routes.map(({ match, host, path, frontends }) => [
      match,
      host,
      path,
      frontends.join(),
    ]);
    expect(shown).to.deep.equal([
      ['exact', 'a.example.com', '/a', 'http_front,internal'],
      ['prefix', 'b.', undefined, 'http_front'],
    ]);
  });

  it('versions of one job are not compared with those of another', () => {
    const blue = member({ id: 'blue', job: 'blue', version: 7, tags: ['domain=www.example.com'] });
    const green = member({
      id: 'green',
      job: 'green',
      tags: ['domain=www.example.com', 'domain=new.example.com'],
    });
    expect(hosts(of([blue, green]))).to.deep.equal(['new.example.com', 'www.example.com']);
  });

  it("an old version's domain goes when the newest of its group has dropped it", () => {
    const old = member({ id: 'old', group: 'a', tags: ['domain=gone.example.com'] });
    const next = member({ id: 'new', group: 'a', version: 1, tags: ['domain=a.example.com'] });
    expect(hosts(of([old, next, b]))).to.deep.equal(['a.example.com', 'b.example.com']);
  });

  it('a canary says nothing while its group has others', () => {
    const canary = member({
      id: 'c',
      group: 'a',
      version: 1,
      canary: true,
      tags: ['domain=c.example.com'],
    });
    expect(hosts(of([a, canary, b]))).to.deep.equal(['a.example.com', 'b.example.com']);
    expect(hosts(of([canary, b]))).to.deep.equal(['b.example.com', 'c.example.com']);
  });

  it('a group without an instance speaks by its declaration', () => {
    const declarations = [
      declared('web', 10, 'a', 'domain=a.example.com'),
      declared('web', 10, 'b', 'domain=b.example.com'),
    ];
    expect(hosts(of([b], declarations))).to.deep.equal(['a.example.com', 'b.example.com']);
    expect(hosts(of([], declarations))).to.deep.equal(['a.example.com', 'b.example.com']);
    const newer = [declared('web', 10, 'b', 'domain=newer.example.com')];
    expect(hosts(of([b], newer)), 'not while one runs').to.deep.equal(['b.example.com']);
  });

  it('what a backend has one of is the oldest job’s, with a warning that names the others', () => {
    const old = member({ id: 'x', job: 'z-old', group: 'g', tags: ['load-balance=leastconn'] });
    const young = member({
      id: 'y',
      job: 'a-young',
      group: 'g',
      version: 9,
      createIndex: 900,
      tags: ['load-balance=source', 'maxconn=5'],
    });
    const jobs = [declared('a-young', 20, 'g'), declared('z-old', 10, 'g')];
    const state = of([old, young], jobs);
    expect(balance(state)).to.deep.equal({ algorithm: 'leastconn' });
    expect(state.warnings).to.deep.equal([
      {
        service: 'default/web',
        code: 'tags-differ',
        message:
          'tag haproxy.load-balance differs: leastconn of job z-old, group g is used, not source of job a-young, group g',
      },
      {
        service: 'default/web',
        code: 'tags-differ',
        message:
          'tag haproxy.maxconn differs: no limit of job z-old, group g is used, not 5 of job a-young, group g',
      },
    ]);
  });

  it('without a known age, the job’s and then the group’s name decide', () => {
    const [one, two] = ['leastconn', 'source'].map((how, at) =>
      member({ id: how, job: `job-${2 - at}`, tags: [`load-balance=${how}`] }),
    );
    expect(balance(of([one!, two!]))).to.deep.equal({ algorithm: 'source' });
    const [three, four] = ['leastconn', 'source'].map((how, at) =>
      member({ id: how, group: `group-${2 - at}`, tags: [`load-balance=${how}`] }),
    );
    expect(balance(of([three!, four!]))).to.deep.equal({ algorithm: 'source' });
  });

  it('what says the same by another word, or of an instance alone, is no difference', () => {
    const one = member({
      id: 'a',
      group: 'a',
      tags: ['weight=5', 'mode=http', 'load-balance=roundrobin'],
    });
    const two = member({
      id: 'b',
      group: 'b',
      tags: ['weight=9', 'backend=Dynamic', 'check.path=/x'],
    });
    expect(of([one, two]).warnings.filter(({ code }) => code === 'tags-differ')).to.deep.equal([]);
  });

  it('an invalid tag of any of them skips it, and names that job', () => {
    const bad = member({ id: 'x', job: 'other', tags: ['cookie=a b'] });
    const [skipped] = of([a, bad]).skipped;
    expect(skipped?.reason).to.match(/^job other, service default\/web: tag haproxy\.cookie=a b/);
  });

  it('an instance without an allocation speaks only for a job that has nothing else', () => {
    const ghost = instance({
      id: 'g',
      group: '',
      tags: enabled('domain=ghost.example.com'),
      allocation: null,
    });
    expect(hosts(of([ghost, a]))).to.deep.equal(['a.example.com']);
    expect(hosts(of([ghost]))).to.deep.equal(['ghost.example.com']);
  });
});

describe('whichever instance restarts, and in whatever order they are listed', () => {
  const someTags = fc.uniqueArray(
    fc.constantFrom(
      'domain=a.example.com',
      'domain=b.example.com',
      'path=/x',
      'load-balance=source',
      'load-balance=leastconn',
      'maxconn=7',
      'check.interval=7s',
      'check.rise=4',
      'timeout.server=9s',
      'cookie=C',
    ),
    { maxLength: 4, selector: (tag) => (tag.startsWith('domain') ? tag : tag.split('=')[0]) },
  );
  const someMember = fc.record(
    {
      job: fc.constantFrom('one', 'two'),
      group: fc.constantFrom('g', 'h'),
      version: fc.nat(2),
      canary: fc.boolean(),
      createIndex: fc.nat(5),
      path: fc.constantFrom('/a', '/b'),
      tags: someTags,
    },
    { noNullPrototype: true },
  );

  it('domains and section stay as they are', () => {
    fc.assert(
      fc.property(
        fc.array(someMember, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        fc.infiniteStream(fc.nat(1000)),
        (given, aged, random) => {
          const jobs = aged ? [declared('one', 20, 'zero'), declared('two', 10, 'zero')] : [];
          const build = (members: readonly (typeof given)[number][], ids: readonly string[]) => {
            const { backends, routes } = of(
              members.map((one, at) => member({ ...one, id: ids[at] ?? '' })),
              jobs,
            );
            return [routes, backends.map(({ section, fingerprint }) => [section, fingerprint])];
          };
          const ids = given.map((_, at) => `i${at}`);
          const before = build(given, ids);
          const restarted = given.map((one) => ({ ...one, createIndex: pick(random) }));
          expect(build(restarted, ids)).to.deep.equal(before);
          const order = given
            .map((_, at) => ({ at, rank: pick(random) }))
            .sort((x, y) => x.rank - y.rank)
            .map(({ at }) => at);
          const moved = order.map((at) => restarted[at]!);
          expect(
            build(
              moved,
              order.map((at) => ids[at] ?? ''),
            ),
          ).to.deep.equal(before);
        },
      ),
      { numRuns: 500 },
    );
  });
});

function pick(random: fc.Stream<number>): number {
  return [...random.take(1)][0] ?? 0;
}
