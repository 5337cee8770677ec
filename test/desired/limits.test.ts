import { expect } from 'chai';
import fc from 'fast-check';

import type { LimitSettings } from '../../src/config/types.js';
import { limitNames } from '../../src/desired/limit-names.js';
import type { DesiredState } from '../../src/desired/types.js';
import { couldBe } from '../../src/observe/catalog/model/variables.js';
import type { CatalogService } from '../../src/observe/types.js';
import { catalogOf, declaration, desired, enabled, instance, service, settings } from './given.js';

const shop = service('shop', {
  namespace: 'victim',
  claimedAt: 5,
  instances: [instance({ tags: enabled('domain=shop.io') })],
});

function list(count: number, of: (at: number) => string): string[] {
  return Array.from({ length: count }, (_, at) => of(at));
}

function evil(...parts: readonly (string | readonly string[])[]): CatalogService {
  const tags = ['haproxy.enable=true', ...parts.flat().map((tag) => `haproxy.${tag}`)];
  return service('many', { namespace: 'evil', instances: [instance({ tags })] });
}

/** `limit` is the one that the service `many` exceeds; the other service is always served. */
function limitOf(one: CatalogService, limits: Partial<LimitSettings> = {}): string | undefined {
  const state = desired([one, shop], {
    settings: { ...settings, limits: { ...settings.limits, ...limits } },
  });
  expect(state.backends.map(({ service: name }) => name)).to.include('victim/shop');
  expect(state.routes.filter(({ service: name }) => name === 'victim/shop')).to.have.length(1);
  const skips = state.skipped.filter(({ code }) => code === 'limit-exceeded');
  for (const { service: name, reason, limit } of skips) {
    expect(name).to.equal('evil/many');
    expect(reason).to.include('evil/many').and.include(`limits.${limit}`);
    expect(limitNames).to.include(limit);
  }
  return skips[0]?.limit;
}

const regexes = (count: number) =>
  ['domain.type=regex', ...list(count, (at) => `domain=^a${at}-[0-9]+\\.io$`)] as const;

describe('limits of a service', function () {
  // Each of these took seconds, or failed the pass, without limits.
  this.timeout(2000);

  const cases: Readonly<Record<string, readonly [limit: string, given: CatalogService]>> = {
    '600 domains with 600 paths': [
      'tags_per_service',
      evil(
        list(600, (at) => `domain=d${at}.io`),
        list(600, (at) => `path=/p${at}`),
      ),
    ],
    '130,000 unknown tags': ['tags_per_service', evil(list(130_000, (at) => `zz${at}=x`))],
    '4,000 tags of 1 kB': ['tags_bytes', evil(list(4000, (at) => `z${at}=${'x'.repeat(1000)}`))],
    'a key of 1 MB': ['tag_bytes', evil('a'.repeat(1_000_000))],
    'a value of 1 MB': ['tag_bytes', evil(`domain=${'a-'.repeat(500_000)}`)],
    '700 domains': ['domains_per_service', evil(list(700, (at) => `domain=d${at}.io`))],
    '300 paths': [
      'paths_per_service',
      evil(
        'domain=x.io',
        list(300, (at) => `path=/p${at}`),
      ),
    ],
    '60 domains with 60 paths': [
      'routes_per_service',
      evil(
        list(60, (at) => `domain=d${at}.io`),
        list(60, (at) => `path=/p${at}`),
      ),
    ],
    '300 regular expressions': ['regexes_per_service', evil(regexes(300))],
    '1 regular expression with 25 paths': [
      'regexes_per_service',
      evil(
        regexes(1),
        list(25, (at) => `path=/p${at}`),
      ),
    ],
    '1 prefix with 25 paths': [
      'regexes_per_service',
      evil(
        'domain.type=prefix',
        'domain=a.',
        list(25, (at) => `path=/p${at}`),
      ),
    ],
    'a count of 1,000,000': [
      'servers_per_backend',
      service('many', {
        namespace: 'evil',
        declarations: [declaration({ count: 1_000_000, tags: enabled('domain=x.io') })],
      }),
    ],
    '3,000 instances': [
      'servers_per_backend',
      service('many', {
        namespace: 'evil',
        instances: list(3000, String).map(() => instance({ tags: enabled('domain=x.io') })),
      }),
    ],
  };

  for (const [what, [limit, given]] of Object.entries(cases)) {
    it(`${what}: the service is skipped for ${limit}`, () => {
      expect(limitOf(given)).to.equal(limit);
    });
  }

  const long = 'x'.repeat(256);
  const tags = enabled('domain=x.io');
  const named: Readonly<Record<string, Partial<CatalogService>>> = {
    'a namespace': { namespace: long, instances: [instance({ tags })] },
    'the job of an instance': { instances: [instance({ tags, jobId: long })] },
    'the task group of an instance': { instances: [instance({ tags, group: long })] },
    'the job of a declaration': { declarations: [declaration({ tags, jobId: long })] },
    'the task group of a declaration': { declarations: [declaration({ tags, group: long })] },
    'one of two jobs': {
      instances: [instance({ tags }), instance({ tags, jobId: 'ü'.repeat(128) })],
    },
  };
  for (const [what, given] of Object.entries(named)) {
    it(`the name of ${what} of 256 bytes: the service is skipped for name_bytes`, () => {
      const state = desired([service('many', { namespace: 'evil', ...given }), shop]);
      expect(state.backends.map((one) => one.service)).to.deep.equal(['victim/shop']);
      const [skipped] = state.skipped;
      expect(skipped).to.include({ code: 'limit-exceeded', limit: 'name_bytes' });
      expect(skipped?.reason).to.match(/of 256 bytes; limits\.name_bytes is 255$/);
    });
  }

  it('a name as long as the limit is none too many, and what is kept holds none that is longer', () => {
    const jobId = 'x'.repeat(255);
    const of = (job: string) =>
      desired([service('many', { instances: [instance({ tags, jobId: job, group: jobId })] })]);
    expect(of(jobId).skipped).to.be.empty;
    const [kept] = of(`${jobId}x`).kept;
    expect(kept?.endpoints).to.have.length(1);
    expect(JSON.stringify(kept)).not.to.include(jobId);
  });

  it('one more than a limit is skipped, as many are not', () => {
    const domains = (count: number) => evil(list(count, (at) => `domain=d${at}.io`));
    const most = settings.limits.domainsPerService;
    expect(limitOf(domains(most))).to.equal(undefined);
    expect(limitOf(domains(most + 1))).to.equal('domains_per_service');
    expect(limitOf(evil(regexes(10)))).to.equal(undefined);
    expect(limitOf(evil(regexes(11)))).to.equal('regexes_per_service');
    const four = evil('domain=x.io', 'domain=y.io', 'maxconn=1');
    expect(limitOf(four, { tagsPerService: 4 })).to.equal(undefined);
    expect(limitOf(four, { tagsPerService: 3 })).to.equal('tags_per_service');
  });

  it('tags of other programs, and those that instances have in common, count once or not', () => {
    const tags = [...enabled('domain=x.io'), ...list(100, (at) => `other.tag${at}=x`)];
    const instances = list(500, String).map(() => instance({ tags }));
    expect(limitOf(service('many', { namespace: 'evil', instances }))).to.equal(undefined);
  });

  it('a skipped service keeps its claims up to the limit, and its oldest instances', () => {
    const tags = enabled(...list(600, (at) => `domain=d${at}.io`));
    const old = service('many', {
      namespace: 'evil',
      claimedAt: 1,
      instances: [instance({ tags, createIndex: 7 })],
    });
    const young = service('young', {
      claimedAt: 99,
      instances: [instance({ tags: enabled('domain=d3.io') })],
    });
    const state = desired([old, young]);
    expect(state.skipped.map(({ code }) => code)).to.have.members([
      'limit-exceeded',
      'domain-claimed',
    ]);
    expect(state.kept.find((one) => one.service === 'evil/many')?.endpoints).to.have.length(1);
  });

  it('a service with too many instances keeps the oldest', () => {
    const instances = [5, 3, 9, 1].map((createIndex) =>
      instance({ createIndex, tags: enabled('domain=x.io') }),
    );
    const limits = { ...settings.limits, serversPerBackend: 2 };
    const state = desired([service('many', { instances })], { settings: { ...settings, limits } });
    const indexes = state.kept[0]?.endpoints.map(({ createIndex }) => createIndex);
    expect(indexes?.sort()).to.deep.equal([1, 3]);
  });

  it('a check more frequent than allowed is slowed down, with a warning', () => {
    const { backends, warnings } = desired([evil('domain=x.io', 'check.interval=1ms'), shop]);
    expect(backends[0]?.section['default_server']).to.have.property('inter', 500);
    // The two are in different namespaces, which no policy separates.
    expect(warnings.map(({ code, limit }) => [code, limit])).to.have.deep.members([
      ['namespaces-open', undefined],
      ['limit-exceeded', 'check_interval'],
    ]);
  });

  it('fail_on_conflict in a tag is a conflict of that service alone', () => {
    const { backends } = desired([evil('domain=x.io', 'backend.strategy=fail_on_conflict')]);
    expect(backends[0]?.strategy).to.equal('create_new');
  });
});

describe('limits of all services', () => {
  const limits = { ...settings.limits, regexesTotal: 5 };
  const named = (name: string, claimedAt: number, count: number) =>
    service(name, {
      claimedAt,
      instances: [
        instance({
          tags: enabled('domain.type=regex', ...list(count, (n) => `domain=^${name}${n}[0-9]+$`)),
        }),
      ],
    });
  const of = (...services: readonly CatalogService[]): DesiredState =>
    desired(services, { settings: { ...settings, limits } });

  it('expressions beyond the total are those of the youngest claims', () => {
    const state = of(named('young', 30, 2), named('old', 10, 2), named('middle', 20, 2), shop);
    expect(state.skipped).to.have.length(1);
    expect(state.skipped[0]).to.include({ service: 'default/young', limit: 'regexes_total' });
    expect(state.backends.map(({ service: name }) => name)).to.have.members([
      'default/old',
      'default/middle',
      'victim/shop',
    ]);
  });

  it('steps beyond the total are those of the youngest claims', () => {
    const dear = (name: string, claimedAt: number) =>
      service(name, {
        claimedAt,
        instances: [instance({ tags: enabled('domain.type=regex', `domain=.+[.]${name}[.]io`) })],
      });
    const state = desired([dear('young', 9), dear('old', 1), named('cheap', 99, 3)], {
      settings: { ...settings, limits: { ...settings.limits, regexSteps: 500_000 } },
    });
    expect(state.skipped).to.have.length(1);
    expect(state.skipped[0]).to.include({ service: 'default/young', limit: 'regex_steps' });
  });

  it('a service that is too big alone leaves room for younger ones', () => {
    const state = of(named('big', 1, 6), named('small', 9, 5));
    expect(state.skipped.map(({ service: name }) => name)).to.deep.equal(['default/big']);
  });
});

describe('any input of a service', () => {
  const size = fc.constantFrom(0, 1, 10, 99, 700);
  const piece = fc.constantFrom(
    ...['domain=d', 'path=/p', 'z', 'allow-list=::', 'domain=a[b]+', 'check.expect=', 'x='],
  );
  const tags = fc
    .array(fc.tuple(piece, size, size), { maxLength: 6 })
    .map((parts) =>
      parts.flatMap(([text, count, length]) =>
        list(count, (at) => `${text}${at}${'a'.repeat(length)}`),
      ),
    );

  it('costs that service alone, and keeps within the limits', () => {
    const { limits } = settings;
    fc.assert(
      fc.property(tags, fc.boolean(), (given, isRegex) => {
        const one = evil(isRegex ? ['domain.type=regex'] : [], given);
        const { backends, routes, skipped } = desired([one, shop]);
        expect(backends.map(({ service: name }) => name)).to.include('victim/shop');
        const own = routes.filter(({ service: name }) => name === 'evil/many');
        expect(own.length).to.be.at.most(limits.routesPerService);
        expect(new Set(own.map(({ host }) => host)).size).to.be.at.most(limits.domainsPerService);
        expect(skipped.every(({ reason }) => reason.length < 1000)).to.equal(true);
      }),
      { numRuns: 30 },
    );
  });

  it('that can not be planned is skipped alone', () => {
    const broken = {
      ...evil('domain=x.io'),
      get instances(): never {
        throw new Error('odd');
      },
    };
    const { skipped, backends } = desired([broken, shop]);
    expect(backends).to.have.length(1);
    expect(skipped[0]).to.include({ service: 'evil/many', code: 'plan-failed' });
    expect(skipped[0]?.reason).to.include('odd');
  });

  it('that can not be read is skipped alone', () => {
    const unread = service('many', {
      namespace: 'evil',
      claimedAt: 1,
      declarations: [declaration({ tags: enabled('domain=x.io') })],
    });
    const unreadable = [{ ...unread, reason: 'Nomad answered 500' }];
    const younger = service('younger', {
      instances: [instance({ tags: enabled('domain=x.io') })],
    });
    const state = desired([], { catalog: { ...catalogOf(shop, younger), unreadable } });
    expect(state.backends).to.have.length(1);
    expect(state.skipped.map(({ service: name, code }) => `${name} ${code}`)).to.deep.equal([
      'default/younger domain-claimed',
      'evil/many unreadable',
    ]);
    expect(state.kept.map(({ service: name }) => name)).not.to.include('evil/many');
  });
});

describe('a name with variables', function () {
  this.timeout(2000);

  it('is compared in a time that does not explode', () => {
    for (const count of [3, 10, 30]) {
      const template = `${list(count, () => '${attr.x}').join('a')}b`;
      expect(couldBe(template, 'a'.repeat(4000))).to.equal(false);
    }
  });

  it('is what a regular expression would say', () => {
    const part = fc.constantFrom('a', 'b', '.', 'ab', '${meta.x}', '${attr.y}', '\n', '$');
    const word = fc.array(fc.constantFrom('a', 'b', '.', '\n', '$'), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), word, (parts, letters) => {
        const template = parts.join('');
        const text = letters.join('');
        const escaped = template
          .split(/\$\{[A-Za-z0-9_.-]+\}/)
          .map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
        expect(couldBe(template, text)).to.equal(
          new RegExp(`^${escaped.join('.*')}$`, 's').test(text),
        );
      }),
      { numRuns: 500 },
    );
  });
});
