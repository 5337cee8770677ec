import { expect } from 'chai';
import fc from 'fast-check';

import { openPolicy, type PolicySettings } from '../../src/config/policy.js';
import { isWithin } from '../../src/desired/host-sets.js';
import type { DesiredInput, DesiredRoute, DesiredState } from '../../src/desired/types.js';
import { noFacts } from '../../src/haproxy/facts.js';
import { listenersIn } from '../../src/haproxy/listeners.js';
import { namespaceOf } from '../../src/haproxy/ownership.js';
import type { CatalogInstance, CatalogService } from '../../src/observe/types.js';
import { desired, enabled, instance, service, settings } from './given.js';

function tenant(
  namespace: string,
  name: string,
  tags: readonly string[],
  more: Partial<CatalogInstance> = {},
  claimedAt = 10,
): CatalogService {
  const instances = [instance({ ...more, tags: enabled(...tags) })];
  return service(name, { namespace, claimedAt, instances });
}

function policed(
  services: readonly CatalogService[],
  policy: Partial<PolicySettings> = {},
  more: Partial<DesiredInput> = {},
): DesiredState {
  return desired(services, {
    settings: { ...settings, policy: { ...openPolicy, ...policy } },
    endpoints: [
      {
        ...{ what: 'the Data Plane API', host: 'haproxy', addresses: ['10.9.9.9'], port: 5555 },
        besideHaproxy: true,
      },
      { what: "Nomad's API", host: 'nomad.corp', addresses: ['10.9.9.8'], port: 4646 },
    ],
    ...more,
  });
}

const reasons = ({ skipped }: DesiredState): string => skipped.map((one) => one.reason).join('\n');
const routes = (state: DesiredState) =>
  state.routes.map(
    ({ match, host, path = '', service: owner }) => `${match} ${host}${path} ${owner}`,
  );

describe("the operator's part in open mode", () => {
  const policy = {
    protectedFrontends: ['admin_front', 'db_front'],
    protectedBackends: ['operator_admin'],
    reservedDomains: ['login.corp.example', '*.internal.example'],
  };
  const refused: readonly (readonly [string, readonly string[]])[] = [
    ['a protected tcp frontend', ['mode=tcp', 'frontend=db_front']],
    ['a protected frontend by regex', ['frontend=admin_front', 'domain.type=regex', 'domain=^x$']],
    ['one among others', ['frontend=http_front', 'frontend=admin_front', 'domain=x.io']],
    ['a protected backend', ['backend=custom', 'backend.name=operator_admin', 'domain=x.io']],
    ['a reserved host', ['domain=login.corp.example']],
    ['a path of it', ['domain=login.corp.example', 'path=/x']],
    ['a wildcard over it', ['domain=*.corp.example']],
    ['a regex over it', ['domain.type=regex', 'domain=.*']],
    ['a prefix over it', ['domain.type=prefix', 'domain=log']],
    ['a path on any host', ['path=/login']],
    ['a host under a reserved wildcard', ['domain=a.b.internal.example']],
  ];
  for (const [what, tags] of refused) {
    it(`refuses ${what}`, () => {
      const state = policed(
        [tenant('evil', 'a', tags), tenant('evil', 'b', ['domain=b.io'])],
        policy,
      );
      expect(state.skipped.map(({ code }) => code)).to.deep.equal(['policy']);
      expect(state.backends.map((one) => one.service)).to.deep.equal(['evil/b']);
      expect(reasons(state)).to.contain('policy.');
    });
  }

  it('refuses a service named like a protected backend that it would join', () => {
    expect(policed([tenant('evil', 'operator_admin', ['backend=custom'])], policy).backends).to.be
      .empty;
  });

  it('leaves hosts to the rules that name them', () => {
    const facts = {
      ...noFacts,
      operatorHosts: [
        { frontend: 'http_front', match: 'exact', host: 'login.corp.example' } as const,
      ],
    };
    for (const tags of [
      ['domain=*.corp.example'],
      ['domain.type=regex', 'domain=.*'],
      ['domain.type=prefix', 'domain=login.'],
    ]) {
      expect(reasons(policed([tenant('a', 'a', tags)], {}, { facts }))).to.contain('http_front');
    }
    const exact = policed([tenant('a', 'a', ['domain=login.corp.example'])], {}, { facts });
    expect(exact.routes).to.have.length(1);
    expect(exact.warnings.map(({ code }) => code)).to.deep.equal(['policy']);
  });

  it("caps weights by the operator's servers", () => {
    const facts = { ...noFacts, operatorBackends: { pool: 5 } };
    const tags = ['backend=custom', 'backend.name=pool', 'weight=256'];
    const weigh = (more: Partial<PolicySettings>) => {
      const state = policed([tenant('a', 'a', tags)], more, { facts });
      return [state.backends[0]?.endpoints[0]?.weight, state.warnings.length];
    };
    expect(weigh({})).to.deep.equal([5, 1]);
    expect(weigh({ customWeight: 256 })).to.deep.equal([256, 0]);
  });
});

describe('a target', () => {
  const refused: readonly (readonly [string, Partial<CatalogInstance>, readonly string[]])[] = [
    ['the Data Plane API', { address: '10.9.9.9', port: 5555 }, []],
    ['it, on the loopback', { address: '127.0.0.1', port: 5555 }, []],
    ['it, in another form', { address: '::ffff:10.9.9.9', port: 5555 }, []],
    ["Nomad's API", { address: '10.9.9.8', port: 4646 }, []],
    ['link-local', { address: '169.254.169.254', port: 80 }, []],
    ['link-local IPv6', { address: 'fe80::1', port: 80 }, []],
    ['loopback that the job names', { address: '127.0.0.1', port: 80, foreign: 'job' }, []],
    ['all addresses', { address: '0.0.0.0', port: 80, foreign: 'job' }, []],
    ['IPv6 loopback', { address: '::1', port: 80, foreign: 'job' }, []],
    ['a check port', { address: '10.9.9.9', port: 80 }, ['check.port=5555']],
  ];
  for (const [what, more, tags] of refused) {
    it(`is not ${what}`, () => {
      const state = policed([tenant('a', 'a', ['domain=x.io', ...tags], more)]);
      expect(state.backends).to.be.empty;
      expect(state.kept.flatMap(({ endpoints }) => endpoints)).to.be.empty;
      expect(state.skipped.map(({ code }) => code)).to.deep.equal(['policy']);
    });
  }

  it('is not HAProxy itself, which a request would go round in', () => {
    const listeners = listenersIn('  bind :80\n  bind 10.7.7.7:8404');
    const at = (address: string, port: number, more: Partial<PolicySettings> = {}) =>
      reasons(
        policed([tenant('a', 'a', ['domain=x.io'], { address, port })], more, {
          facts: { ...noFacts, listeners },
        }),
      );
    expect(at('10.9.9.9', 80)).to.equal('service a/a: 10.9.9.9:80 is HAProxy itself');
    expect(at('127.0.0.1', 80)).to.contain('is HAProxy itself');
    expect(at('10.7.7.7', 8404)).to.contain('is HAProxy itself');
    expect(at('10.9.9.9', 81)).to.equal('');
    expect(at('10.9.9.8', 80)).to.equal('');
    expect(at('10.7.7.7', 8404, { allowedAddresses: ['10.7.7.7/32'] })).to.equal('');
  });

  it('may be the loopback where that is the network of its allocation', () => {
    const own = { address: '127.0.0.1', port: 80 };
    expect(policed([tenant('a', 'a', ['domain=x.io'], own)]).skipped).to.be.empty;
  });

  it('on the loopback whose job can not be read is not new, and costs no route', () => {
    for (const address of ['127.0.0.1', '::1']) {
      const unread = { address, port: 80, foreign: 'unknown' } as const;
      const state = policed([tenant('a', 'a', ['domain=x.io'], unread)]);
      expect(state.skipped).to.be.empty;
      expect(routes(state)).to.deep.equal(['exact x.io a/a']);
      const endpoints = state.backends.flatMap((one) => one.endpoints);
      expect(endpoints.map((one) => [one.address, one.unresolved])).to.deep.equal([['', true]]);
      expect(state.warnings.map(({ code }) => code)).to.deep.equal(['instance-unusable']);
    }
  });

  it("that isn't its allocation's is a warning", () => {
    const far = { address: '10.1.1.1', port: 80, foreign: 'job' } as const;
    const state = policed([tenant('a', 'a', ['domain=x.io'], far)]);
    expect(state.warnings.map(({ code }) => code)).to.deep.equal(['foreign-address']);
    expect(state.backends[0]?.endpoints).to.have.length(1);
  });

  it('that is refused costs the other instances nothing', () => {
    const tags = enabled('domain=x.io');
    const instances = [instance({ tags }), instance({ tags, address: '10.9.9.9', port: 5555 })];
    const state = policed([service('web', { instances })]);
    expect(state.backends[0]?.endpoints.map(({ address }) => address)).to.deep.equal(['10.0.0.1']);
    expect(state.warnings.map(({ code }) => code)).to.deep.equal(['instance-unusable']);
  });

  it('is checked by safe methods', () => {
    const tags = ['domain=x.io', 'check.method=DELETE'];
    expect(reasons(policed([tenant('a', 'a', tags)]))).to.contain('policy.check_methods');
    expect(policed([tenant('a', 'a', tags)], { checkMethods: ['DELETE'] }).skipped).to.be.empty;
  });

  it('is not asked for an endpoint of the connector', () => {
    const tags = ['domain=x.io', 'check.path=/', 'check.host=127.0.0.1:4646'];
    expect(reasons(policed([tenant('a', 'a', tags)]))).to.contain("Nomad's API");
  });
});

describe('a host belongs to a namespace', () => {
  const shop = tenant('victim', 'shop', ['domain=shop.io'], {}, 20);
  const claims = { 'host|victim|exact|shop.io': { since: 5 } };
  const older = (tags: readonly string[]) => tenant('evil', 'old', tags, {}, 1);

  for (const tags of [
    ['domain=shop.io'],
    ['domain=shop.io', 'path=/login'],
    ['domain=shop.io', 'path=/.well-known/acme-challenge'],
    ['domain=shop.io', 'frontend=other_front'],
  ]) {
    it(`which keeps it from an older job that adds ${tags.join(' ')}`, () => {
      const state = policed([shop, older(tags)], {}, { claims, now: 10 });
      expect(routes(state)).to.deep.equal(['exact shop.io victim/shop']);
      expect(reasons(state)).to.contain('belongs to victim/shop');
    });
  }

  it('and so do the hosts under its patterns', () => {
    const record = {
      'host|victim|wildcard|corp.io': { since: 5 },
      'host|victim|regex|^api[0-9]+[.]a[.]io$': { since: 5 },
    };
    const services = [
      tenant('victim', 'wild', ['domain=*.corp.io']),
      tenant('victim', 'api', ['domain.type=regex', 'domain=^api[0-9]+[.]a[.]io$']),
      tenant('evil', 'pay', ['domain=pay.corp.io']),
      tenant('evil', 'wild', ['domain=*.pay.corp.io']),
      tenant('evil', 'seven', ['domain=api7.a.io']),
      tenant('evil', 'long', ['domain.type=regex', 'domain=^a......a.io.?.?.?$']),
    ];
    const state = policed(services, {}, { claims: record, now: 10 });
    expect(state.routes.map((one) => one.service)).to.deep.equal(['victim/api', 'victim/wild']);
    expect(state.skipped).to.have.length(4);
  });

  it('and a younger pattern gets what is left, where HAProxy asks the owner first', () => {
    const wild = tenant('evil', 'wild', ['domain=*.io'], {}, 30);
    expect(routes(policed([shop, wild], {}, { claims, now: 10 }))).to.have.length(2);
    const part = tenant('victim', 'shop', ['domain=shop.io', 'path=/api'], {}, 20);
    const state = policed([part, wild], {}, { claims, now: 10 });
    expect(routes(state)).to.deep.equal(['exact shop.io/api victim/shop']);
    expect(reasons(state)).to.contain('domain *.io overlaps with domain shop.io');
  });

  it('that may grant a path', () => {
    const own = { domains: [], backends: [], features: [] };
    const grants = [{ host: 'shop.io', path: '/login', to: 'evil' }];
    const policy = { namespaces: { victim: { ...own, grants } } };
    const login = older(['domain=shop.io', 'path=/login']);
    const state = policed([shop, login], policy, { claims, now: 10 });
    expect(routes(state)).to.deep.equal([
      'exact shop.io victim/shop',
      'exact shop.io/login evil/old',
    ]);
    const other = older(['domain=shop.io', 'path=/loginx']);
    expect(routes(policed([shop, other], policy, { claims, now: 10 }))).to.have.length(1);
    const third = { namespaces: { stranger: { ...own, grants } } };
    expect(routes(policed([shop, login], third, { claims, now: 10 }))).to.have.length(1);
  });

  it('for a grace period after its last service is gone', () => {
    const evil = older(['domain=shop.io']);
    const first = policed([shop, evil], {}, { claims, now: 1000 });
    const gone = policed([evil], {}, { claims: first.claims ?? {}, now: 2000 });
    expect(gone.routes).to.be.empty;
    expect(reasons(gone)).to.contain('belongs to namespace victim');
    const back = policed([shop, evil], {}, { claims: gone.claims ?? {}, now: 3_000_000 });
    expect(routes(back)).to.deep.equal(['exact shop.io victim/shop']);
    const late = policed([evil], {}, { claims: gone.claims ?? {}, now: 3_602_001 });
    const after = policed([evil], {}, { claims: late.claims ?? {}, now: 3_602_002 });
    expect(routes(after)).to.deep.equal(['exact shop.io evil/old']);
  });

  it('in which no pattern of another answers for it', () => {
    const vacantOf = (wild: readonly string[], own: readonly CatalogService[] = []) => {
      const pattern = tenant('evil', 'wild', wild, {}, 30);
      const first = policed([shop, pattern, ...own], {}, { now: 1000 });
      const state = policed([pattern, ...own], {}, { claims: first.claims ?? {}, now: 2000 });
      expect(state.skipped).to.be.empty;
      return (state.vacant ?? []).map(
        ({ match, host, mode, frontends, backend }) =>
          `${match} ${host} ${mode} ${frontends.join()} ${backend}`,
      );
    };
    const closed = 'exact shop.io http http_front nomad__connector';
    expect(vacantOf(['domain=*.io'])).to.deep.equal([closed]);
    expect(vacantOf(['domain.type=prefix', 'domain=sho'])).to.deep.equal([closed]);
    expect(vacantOf(['domain.type=regex', 'domain=^s.*io$'])).to.deep.equal([closed]);
    expect(vacantOf(['path=/login'])).to.deep.equal([closed]);
    expect(vacantOf(['domain=*.com'])).to.deep.equal([]);
    // The other mode's frontends never saw the host.
    expect(vacantOf(['mode=tcp', 'frontend=db', 'domain=*.io'])).to.deep.equal([]);
    // Its own namespace answers.
    const wild = tenant('victim', 'wild', ['domain=*.io'], {}, 25);
    expect(vacantOf(['domain.type=prefix', 'domain=sh'], [wild])).to.deep.equal([]);
  });

  it('in which nothing new answers for an expression, for which no route stands in', () => {
    const shops = tenant(
      'victim',
      'shops',
      ['domain.type=regex', 'domain=^shop[0-9]+[.]io$'],
      {},
      10,
    );
    const beside = tenant('evil', 'beside', ['path=/login'], {}, 20);
    const whole = tenant('evil', 'whole', ['mode=tcp', 'frontend=db'], {}, 20);
    const first = policed([shops, beside, whole], {}, { now: 1000 });
    expect(first.skipped).to.be.empty;
    const late = tenant('evil', 'late', ['path=/pay'], {}, 5);
    const away = [beside, whole, late];
    const state = policed(away, {}, { claims: first.claims ?? {}, now: 2000 });
    expect(state.vacant ?? []).to.be.empty;
    expect(state.routes.map(({ service: owner }) => owner)).to.have.members([
      'evil/beside',
      'evil/whole',
    ]);
    expect(reasons(state)).to.match(/path \/pay.* overlaps with .*belongs to namespace victim/);
    const again = policed(away, {}, { claims: state.claims ?? {}, now: 3_000_000 });
    expect(again.routes).to.deep.equal(state.routes);
    const back = policed([shops, ...away], {}, { claims: again.claims ?? {}, now: 3_000_001 });
    expect(back.skipped).to.be.empty;
    expect(back.routes).to.have.length(4);
  });

  it('nor for server names, in its own mode', () => {
    const sni = ['mode=tcp', 'frontend=db'];
    const names = tenant('victim', 'names', [...sni, 'domain.type=regex', 'domain=^s[0-9][.]io$']);
    const { claims: before = {} } = policed([names], {}, { now: 1000 });
    const whole = tenant('evil', 'whole', sni, {}, 1);
    const login = tenant('evil', 'login', ['path=/login'], {}, 1);
    const state = policed([whole, login], {}, { claims: before, now: 2000 });
    expect(state.skipped.map((one) => one.service)).to.deep.equal(['evil/whole']);
    const late = policed([whole, login], {}, { claims: state.claims ?? {}, now: 3_602_001 });
    const after = policed([whole, login], {}, { claims: late.claims ?? {}, now: 3_602_002 });
    expect(after.skipped).to.be.empty;
  });

  it('but not a host that it was refused', () => {
    const part = tenant('victim', 'shop', ['domain=shop.io', 'path=/api'], {}, 1);
    const wild = tenant('evil', 'wild', ['domain=*.io'], {}, 2);
    const later = tenant('victim', 'pay', ['domain=pay.io'], {}, 3);
    const first = policed([part, wild, later], {}, { now: 1000 });
    expect(first.skipped.map((one) => one.service)).to.deep.equal(['evil/wild']);
    const state = policed([part, later], {}, { claims: first.claims ?? {}, now: 2000 });
    expect(routes(state)).to.deep.equal([
      'exact pay.io victim/pay',
      'exact shop.io/api victim/shop',
    ]);
  });

  it('and within one, the oldest claim wins', () => {
    const young = tenant('a', 'young', ['domain=x.io'], {}, 50);
    const before = policed([young], {}, { now: 1000 }).claims ?? {};
    const old = tenant('a', 'old', ['domain=x.io'], {}, 1);
    const state = policed([young, old], {}, { claims: before, now: 2000 });
    expect(routes(state)).to.deep.equal(['exact x.io a/young']);
    const again = policed([young, old], {}, { claims: state.claims ?? {}, now: 3000 });
    expect(again.claims).to.deep.equal(state.claims);
  });

  it('and nothing is gone that an untrusted read lacks, or HAProxy still serves', () => {
    const record = policed([shop], {}, { now: 1000 }).claims ?? {};
    const facts = { ...noFacts, served: ['victim/shop'] };
    expect(policed([], {}, { claims: record, facts, now: 9e9 }).claims).to.deep.equal(record);
  });
});

describe('several namespaces in open mode', () => {
  it('are one warning', () => {
    const all = ['a', 'b', 'c'].map((name) => tenant(name, name, [`domain=${name}.io`]));
    const codes = policed(all).warnings.map(({ code }) => code);
    expect(codes).to.deep.equal(['namespaces-open']);
    expect(policed(all.slice(1, 2)).warnings).to.be.empty;
  });
});

describe('strict mode', () => {
  const own = {
    domains: ['*.a.io', 'a.io'],
    frontends: ['http_front'],
    backends: ['pool'],
    addresses: ['10.0.0.0/24'],
    features: [],
    grants: [],
  };
  const policy = { mode: 'strict', namespaces: { a: own } } as const;

  it('allows what is listed', () => {
    const state = policed(
      [
        tenant('a', 'one', ['domain=a.io', 'path=/x']),
        tenant('a', 'two', ['domain=*.b.a.io']),
        tenant('a', 'three', ['domain=c.a.io', 'backend=custom', 'backend.name=pool']),
      ],
      policy,
    );
    expect(state.skipped).to.be.empty;
    expect(state.routes).to.have.length(3);
  });

  const refused: readonly (readonly [string, readonly string[]])[] = [
    ['another host', ['domain=b.io']],
    ['a frontend', ['domain=a.io', 'frontend=admin']],
    ['a backend', ['domain=a.io', 'backend=custom', 'backend.name=other']],
    ['a regex', ['domain.type=regex', 'domain=^x[.]a[.]io$']],
    ['a prefix', ['domain.type=prefix', 'domain=x.a.io']],
    ['a path on any host', ['path=/x']],
    ['tcp', ['domain=a.io', 'mode=tcp']],
    ['a check', ['domain=a.io', 'check.path=/x']],
    ['headers', ['domain=a.io', 'request-header.set=X-A: b']],
    ['canaries', ['domain=a.io', 'canary.weight=10']],
  ];
  for (const [what, tags] of refused) {
    it(`refuses ${what}`, () => {
      const state = policed([tenant('a', 'one', tags)], policy);
      expect(state.skipped.map(({ code }) => code)).to.deep.equal(['policy']);
      expect(reasons(state)).to.contain('policy.namespaces.a.');
    });
  }

  it('refuses an address, and a namespace without an entry', () => {
    const far = tenant('a', 'one', ['domain=a.io'], { address: '10.0.1.1' });
    expect(reasons(policed([far], policy))).to.contain('addresses');
    expect(reasons(policed([tenant('b', 'one', [])], policy))).to.contain('policy.namespaces.b');
  });

  it('counts a wildcard in the maps as hidden by a younger rule, though it has a rule elsewhere', () => {
    const state = policed([
      tenant('b', 's0', ['domain=*.x.io', 'frontend=side'], {}, 1),
      tenant('b', 's1', ['domain=*.x.io'], {}, 2),
      tenant(
        'a',
        's2',
        ['domain.type=regex', 'domain=^y', 'frontend=side', 'frontend=http_front'],
        {},
        3,
      ),
    ]);
    expect(routes(state)).to.have.members(['wildcard x.io b/s0', 'wildcard x.io b/s1']);
  });

  describe('among any tenants', () => {
    const namespaces = ['a', 'b', 'c'];
    const entry = {
      ...own,
      domains: ['*'],
      frontends: ['http_front', 'side'],
      features: ['regex', 'prefix'] as const,
    };
    const all = Object.fromEntries(namespaces.map((name) => [name, entry]));
    const domain = fc.constantFrom(
      ['domain=x.io'],
      ['domain=y.x.io'],
      ['domain=*.io'],
      ['domain=*.x.io'],
      ['domain.type=prefix', 'domain=y'],
      ['domain.type=regex', 'domain=^[xy].*io$'],
      ['domain.type=regex', 'domain=^z'],
    );
    const paths: readonly (readonly string[])[] = [[], ['path=/p'], ['path=/p/q']];
    const aside = [['frontend=side'], ['frontend=side', 'frontend=http_front']];
    const among = (more: readonly (readonly string[])[]) => {
      const tags = fc.tuple(domain, fc.constantFrom(...more)).map((parts) => parts.flat());
      const one = fc.tuple(fc.constantFrom(...namespaces), tags);
      return fc.array(one, { minLength: 2, maxLength: 7 });
    };
    const hosts = ['x.io', 'y.x.io', 'z.io', 'yy.io', 'a.b.x.io', 'y.z'];
    const tenantsOf = (services: readonly (readonly [string, readonly string[]])[]) =>
      services.map(([namespace, own], at) => tenant(namespace, `s${at}`, own, {}, at + 1));
    const strict = { mode: 'strict', namespaces: all } as const;
    const places = hosts.flatMap((host) =>
      ['http_front', 'side'].flatMap((frontend) =>
        ['/', '/p/', '/p/q/'].map((path) => ({ host, frontend, path })),
      ),
    );

    it('never lets another namespace answer for a host than the one that claimed it first', () => {
      fc.assert(
        fc.property(among([...paths, ...aside]), (services) => {
          const state = policed(tenantsOf(services), strict);
          for (const { host, path, frontend } of places) {
            const answer = answering(state.routes, host, path, frontend);
            const shown = `${host}${path} in ${frontend}: ${routes(state).join(', ')}`;
            expect(answer && namespaceOf(answer.service), shown).to.be.oneOf([
              undefined,
              ownerOf(state.routes, host),
            ]);
          }
        }),
        { numRuns: 200 },
      );
    });

    it('nor while that one is away, for the grace period, and every other host is answered as ever', () => {
      fc.assert(
        fc.property(
          among([...paths, ...aside]),
          fc.constantFrom(...namespaces),
          (services, gone) => {
            const before = tenantsOf(services);
            const first = policed(before, strict, { now: 1000 });
            const left = before.filter(({ namespace }) => namespace !== gone);
            const state = policed(left, strict, { claims: first.claims ?? {}, now: 2000 });
            const both = [...(state.vacant ?? []), ...state.routes];
            for (const { host, path, frontend } of places) {
              const answer = answering(both, host, path, frontend);
              const shown = `${host}${path} in ${frontend}: ${routes(first).join(', ')}; then ${routes(state).join(', ')}`;
              const was = answering(first.routes, host, path, frontend);
              if (ownerOf(first.routes, host) === gone) {
                expect(answer?.backend, shown).to.be.oneOf([undefined, 'nomad__connector']);
              } else if (was !== undefined && namespaceOf(was.service) !== gone) {
                expect(answer?.backend, shown).not.to.equal('nomad__connector');
                expect(answer && namespaceOf(answer.service), shown).to.equal(
                  namespaceOf(was.service),
                );
              }
            }
          },
        ),
        { numRuns: 300 },
      );
    });
  });
});

function matches({ match, host }: { match: string; host: string }, name: string): boolean {
  if (match === 'exact') return host === name;
  if (match === 'wildcard') return isWithin({ match: 'exact', host: name }, `*.${host}`);
  return match === 'prefix' ? name.startsWith(host) : new RegExp(host, 'u').test(name);
}

/** As HAProxy looks for it: rules, then maps; each by kind, longest suffix and path first. */
function answering(
  all: readonly DesiredRoute[],
  host: string,
  path: string,
  frontend: string,
): DesiredRoute | undefined {
  const kinds = ['exact', 'wildcard', 'prefix', 'regex'];
  const inMaps = (one: DesiredRoute) => one.frontends.join() === 'http_front';
  return all
    .filter((one) => one.frontends.includes(frontend) && matches(one, host))
    .filter((one) => one.path === undefined || path.startsWith(`${one.path}/`))
    .sort(
      (a, b) =>
        Number(inMaps(a)) - Number(inMaps(b)) ||
        kinds.indexOf(a.match) - kinds.indexOf(b.match) ||
        (a.match === 'wildcard' ? b.host.length - a.host.length : 0) ||
        (b.path ?? '').length - (a.path ?? '').length,
    )[0];
}

/** Of the services, the first is the oldest. */
function ownerOf(all: readonly DesiredRoute[], host: string): string | undefined {
  const age = ({ service: owner }: DesiredRoute) => Number(owner.split('/s')[1]);
  const [oldest] = all.filter((one) => matches(one, host)).sort((a, b) => age(a) - age(b));
  return oldest && namespaceOf(oldest.service);
}
