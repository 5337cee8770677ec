import { expect } from 'chai';
import fc from 'fast-check';

import type { ActualState } from '../../src/actual/types.js';
import type { DesiredRoute, Skipped } from '../../src/desired/types.js';
import { planRouting } from '../../src/diff/plan/routes.js';
import type { Json, JsonObject } from '../../src/shared/json.js';
import {
  actualState,
  backend,
  desiredState,
  frontend,
  input,
  kindsOf,
  planFor,
  route,
  stepsOf,
  withSettings,
} from './given.js';
import { applyToModel, converge } from './model.js';

const mapMode = withSettings({});
const rulesMode = withSettings({ routing: { mode: 'rules' } });
const after = withSettings({ routing: { mode: 'rules', position: 'after' } });

const operator = frontend('http_front', {
  acls: [
    { acl_name: 'is_static', criterion: 'path_beg', value: '/static' },
    { acl_name: 'nomad_like', criterion: 'src', value: '10.0.0.0/8' },
  ],
  rules: [
    { name: 'static', cond: 'if', cond_test: 'is_static' },
    { name: 'legacy', cond: 'if', cond_test: 'nomad_like' },
  ],
  httpRequestRules: [{ type: 'deny', cond: 'if', cond_test: 'is_static' }],
});

function wanting(...routes: readonly DesiredRoute[]) {
  return desiredState([backend('web')], routes);
}

function routed(settings: typeof mapMode, ...routes: readonly DesiredRoute[]): ActualState {
  const actual = actualState([], { frontends: { http_front: operator } });
  return converge(input(wanting(...routes), actual, { settings }));
}

function mapsFor(...routes: readonly DesiredRoute[]) {
  return planRouting(routes, actualState(), mapMode).maps;
}

function rulesFor(...routes: readonly DesiredRoute[]) {
  const all = planRouting(routes, actualState(), rulesMode).frontends['http_front'];
  const values = new Map(all?.acls.map((acl) => [acl['acl_name'], acl]));
  return (all?.rules ?? []).map(({ name, cond, cond_test }) => {
    const test = str(cond_test)
      .split(' ')
      .map((acl) => {
        const { criterion, value } = values.get(acl) ?? {};
        return `${str(criterion)} ${str(value)}`;
      });
    return { name, cond, test };
  });
}

function str(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

const host = 'req.fhdr(host,-1),host_only,lower';
const path = 'path,concat(,,/)';

describe('routing', () => {
  describe('map mode', () => {
    it('each kind of match has a map of its own', () => {
      expect(
        mapsFor(
          route('www.x.io'),
          route('api.', { match: 'prefix' }),
          route('x.io', { match: 'wildcard' }),
          route('^a[0-9]+\\.x\\.io$', { match: 'regex' }),
        ),
      ).to.deep.equal({
        nomad_exact: { 'www.x.io': 'nomad_web' },
        nomad_prefix: { 'api.': 'nomad_web' },
        nomad_wildcard: { 'x.io': 'nomad_web' },
        nomad_regex: { '^a[0-9]+\\.x\\.io$': 'nomad_web' },
      });
    });

    it('and another for each with a path', () => {
      const given = { path: '/api' };
      expect(
        mapsFor(
          route('www.x.io', given),
          route('api.', { match: 'prefix', ...given }),
          route('x.io', { match: 'wildcard', ...given }),
          route('^a\\.x\\.io$', { match: 'regex', ...given }),
          route('', { match: 'any', ...given, path: '/any' }),
        ),
      ).to.deep.equal({
        nomad_exact_path: { 'www.x.io/api/': 'nomad_web' },
        nomad_prefix_path: { '^api\\.[^/]*/api/': 'nomad_web' },
        nomad_wildcard_path: { 'x.io/api/': 'nomad_web' },
        nomad_regex_path: { '^(?=[^/]*/api/)a\\.x\\.io(?=/)': 'nomad_web' },
        nomad_any_path: { '/any/': 'nomad_web' },
      });
    });

    it('the path of a route without a host is its key, whole segments only', () => {
      const maps = mapsFor(route('', { match: 'any', path: '/api' }));
      const [key = ''] = Object.keys(maps['nomad_any_path'] ?? {});
      expect('/api/'.startsWith(key), '/api').to.equal(true);
      expect('/api/x/'.startsWith(key), '/api/x').to.equal(true);
      expect('/apix/'.startsWith(key), '/apix').to.equal(false);
    });

    it('a regex with a path asks of the host what it asks without one', () => {
      const keyOf = (host: string) =>
        Object.keys(
          mapsFor(route(host, { match: 'regex', path: '/p' }))['nomad_regex_path'] ?? {},
        )[0];
      expect(['^a', 'a$', 'a.[^b]', '^a$|^b[$.]$'].map(keyOf)).to.deep.equal([
        '^(?=[^/]*/p/)a',
        '^(?=[^/]*/p/)[^/]*?a(?=/)',
        '^(?=[^/]*/p/)[^/]*?a[^/][^/b]',
        '^(?=[^/]*/p/)[^/]*?(?:^a(?=/)|^b[$.](?=/))',
      ]);
    });

    it('of two regexes with a path the longer path is asked first', () => {
      const regex = { match: 'regex' } as const;
      const maps = mapsFor(
        route('^a$', { ...regex, path: '/api' }),
        route('^a$', { ...regex, path: '/api/v1' }),
      );
      expect(Object.keys(maps['nomad_regex_path'] ?? {})).to.deep.equal([
        '^(?=[^/]*/api/v1/)a(?=/)',
        '^(?=[^/]*/api/)a(?=/)',
      ]);
    });

    it('rules match only what they find, so that default_backend stays in force', () => {
      const rules = planRouting([route('x.io')], actualState(), mapMode).frontends['http_front'];
      expect(rules?.rules).to.deep.equal([
        {
          name: '%[var(txn.nomad_connector_backend)]',
          cond: 'if',
          cond_test: `{ ${host},map(/nomad_exact.map),set-var(txn.nomad_connector_backend) -m found }`,
        },
      ]);
    });

    it('a wildcard is asked once for each depth, the longest suffix first', () => {
      const routes = [route('x.io', { match: 'wildcard' })];
      const rules = planRouting(routes, actualState(), mapMode).frontends['http_front']?.rules;
      expect(rules?.map((rule) => /field\((\d)/.exec(str(rule['cond_test']))?.[1])).to.deep.equal([
        ...['2', '3', '4', '5'],
      ]);
    });

    it('exact comes before wildcard, prefix and regex, and a path before none', () => {
      const all = ['exact', 'wildcard', 'prefix', 'regex'] as const;
      const routes = all.flatMap((match) => [
        route('x.io', { match }),
        route('x.io', { match, path: '/api' }),
      ]);
      const rules = planRouting(routes, actualState(), mapMode).frontends['http_front']?.rules;
      const files = rules?.map((rule) => /nomad_(\w+)\.map/.exec(str(rule['cond_test']))?.[1]);
      expect([...new Set(files)]).to.deep.equal([
        ...['exact_path', 'exact', 'wildcard_path', 'wildcard'],
        ...['prefix_path', 'prefix', 'regex_path', 'regex'],
      ]);
    });

    it('the last route of a kind goes without a reload: its lookup stays', () => {
      const actual = routed(mapMode, route('x.io'), route('api.', { match: 'prefix' }));
      const plan = planFor(wanting(route('x.io')), actual);
      expect(kindsOf(plan)).to.deep.equal(['delete-entry']);
      expect(converge(input(wanting(route('x.io')), actual)).frontends).to.deep.equal(
        actual.frontends,
      );
    });

    it('the first route of a kind makes its map before the rule that reads it', () => {
      const prefix = wanting(route('x.io'), route('api.', { match: 'prefix' }));
      const plan = planFor(prefix, routed(mapMode, route('x.io')));
      expect(stepsOf(plan, 'create-map').map(({ map }) => map)).to.deep.equal(['nomad_prefix']);
    });
  });

  describe('rules mode', () => {
    it('each match has its own flag', () => {
      expect(
        rulesFor(
          route('www.x.io'),
          route('api.', { match: 'prefix' }),
          route('x.io', { match: 'wildcard' }),
          route('^a$', { match: 'regex' }),
          route('', { match: 'any', path: '/any' }),
        ),
      ).to.deep.equal(
        [
          [`${host} -m str www.x.io`],
          [`${host} -m end .x.io`],
          [`${host} -m beg api.`],
          ['req.fhdr(host,-1),host_only,length le 253', `${host} -m reg ^a$`],
          [`${path} -m beg /any/`],
        ].map((test) => ({ name: 'nomad_web', cond: 'if', test })),
      );
    });

    it('a route with a path asks for both, and before the same host without one', () => {
      const both = [`${host} -m str x.io`, `${path} -m beg /api/`];
      expect(rulesFor(route('x.io'), route('x.io', { path: '/api' }))).to.deep.equal([
        { name: 'nomad_web', cond: 'if', test: both },
        { name: 'nomad_web', cond: 'if', test: [`${host} -m str x.io`] },
      ]);
    });

    it('TLS names are asked for in a frontend of mode tcp, in either mode', () => {
      const tcp = { mode: 'tcp', frontends: ['tls_front'] } as const;
      for (const settings of [mapMode, rulesMode]) {
        const state = actualState([], {
          frontends: { tls_front: frontend('tls_front', { mode: 'tcp' }) },
        });
        const all = planRouting([route('x.io', tcp)], state, settings).frontends['tls_front'];
        expect(all?.acls[0]).to.include({
          criterion: 'req.ssl_sni,lower',
          value: '-m str x.io',
        });
      }
    });

    it('a route that takes a whole tcp frontend has a condition too, or it could not be told', () => {
      const tcp = { match: 'any', mode: 'tcp', frontends: ['raw_front'] } as const;
      const frontends = { raw_front: frontend('raw_front', { mode: 'tcp' }) };
      const wanted = desiredState([backend('web')], [route('', tcp)]);
      const actual = converge(input(wanted, actualState([], { frontends })));
      const [rule] = actual.frontends['raw_front']?.rules ?? [];
      expect(rule?.['cond_test']).to.match(/^nomad__acl_/);
      // The Data Plane API gives no empty value back.
      const acls = (actual.frontends['raw_front']?.acls ?? []).map(({ value: _, ...acl }) => acl);
      const read = {
        ...actual.frontends['raw_front'],
        ...frontend('raw_front'),
        mode: 'tcp',
        acls,
        rules: rule ? [rule] : [],
      };
      const again = planFor(wanted, { ...actual, frontends: { raw_front: read } });
      expect(again.steps).to.deep.equal([]);
    });

    it('a rule to a backend that is kept stays in its place, whatever comes and goes', () => {
      const names = ['a', 'b', 'c'];
      const of = (some: readonly string[], skipped: readonly Skipped[] = []) =>
        desiredState(
          some.map((name) => backend(name)),
          some.map((name) => route(`${name}.x.io`, { backend: `nomad_${name}` })),
          { skipped },
        );
      const start = actualState([], { frontends: { http_front: operator } });
      const actual = converge(input(of(names), start, { settings: rulesMode }));
      const kept: Skipped = {
        ...{ service: 'default/b', code: 'invalid-tag', reason: 'x', backend: 'nomad_b' },
      };
      const rest = of(['a', 'c'], [kept]);
      const quiet = planFor(rest, actual, { settings: rulesMode });
      expect(quiet.steps, 'no reload').to.deep.equal([]);

      const more = of(['a', 'c', 'd'], [kept]);
      const grown = planFor(more, actual, { settings: rulesMode });
      expect(stepsOf(grown, 'delete-rule')).to.deep.equal([]);
      const state = converge(input(more, actual, { settings: rulesMode }));
      expect(state.frontends['http_front']?.rules.map(({ name }) => name)).to.deep.equal([
        ...['nomad_a', 'nomad_b', 'nomad_c', 'nomad_d', 'static', 'legacy'],
      ]);
    });

    it('S15: ACLs of different domains never collide, the same is made once', () => {
      const some = fc.record(
        {
          match: fc.constantFrom('exact', 'prefix', 'wildcard', 'regex'),
          host: fc.constantFrom('x.io', '.x.io', 'x-io', 'x_io', 'xxio', 'www.x.io'),
          path: fc.constantFrom('/a', '/a/b', '/x.io'),
        },
        { noNullPrototype: true },
      );
      fc.assert(
        fc.property(fc.array(some), (given) => {
          const routes = given.map(({ host: name, ...rest }) => route(name, rest));
          const acls = planRouting(routes, actualState(), rulesMode).frontends['http_front']?.acls;
          const names = new Set(acls?.map((acl) => acl['acl_name']));
          const meanings = new Set(
            acls?.map((acl) => `${str(acl['criterion'])} ${str(acl['value'])}`),
          );
          expect(names.size).to.equal(acls?.length);
          expect(meanings.size).to.equal(acls?.length);
        }),
      );
    });

    it('S15: an ACL is named after what it matches, whatever else there is', () => {
      const nameOf = (...routes: readonly DesiredRoute[]) =>
        planRouting(routes, actualState(), rulesMode).frontends['http_front']?.acls.find((acl) =>
          str(acl['value']).endsWith('str x.io'),
        )?.['acl_name'];
      expect(nameOf(route('x.io'))).to.match(/^nomad__acl_[0-9a-f]{12}$/);
      expect(nameOf(route('a.io'), route('x.io'))).to.equal(nameOf(route('x.io')));
    });

    it('one route more adds an ACL and a rule, and leaves the ACLs that are there', () => {
      const plan = planFor(
        wanting(route('x.io'), route('y.io')),
        routed(rulesMode, route('x.io')),
        {
          settings: rulesMode,
        },
      );
      const acls = stepsOf(plan, 'insert-rule', 'delete-rule').filter(
        ({ list }) => list === 'acls',
      );
      expect(acls.map(({ kind, index }) => [kind, index])).to.deep.equal([['insert-rule', 3]]);
    });
  });

  describe("S22: the operator's rules", () => {
    const ours = (rule: JsonObject) => JSON.stringify(rule).includes('nomad__acl_');
    const listsOf = (actual: ActualState) => actual.frontends['http_front'] ?? operator;

    it('stay first or last, as configured, in their order', () => {
      const before = listsOf(routed(rulesMode, route('x.io'), route('y.io'))).rules;
      expect(before.slice(-2)).to.deep.equal(operator.rules);
      expect(before.slice(0, -2).every(ours)).to.equal(true);
      const behind = listsOf(routed(after, route('x.io'), route('y.io'))).rules;
      expect(behind.slice(0, 2)).to.deep.equal(operator.rules);
      expect(behind.slice(2).every(ours)).to.equal(true);
    });

    it('survive that ours move to the other side', () => {
      const moved = converge(
        input(wanting(route('x.io')), routed(rulesMode, route('x.io')), { settings: after }),
      );
      expect(listsOf(moved).rules.slice(0, 2)).to.deep.equal(operator.rules);
      expect(listsOf(moved).rules).to.have.length(3);
    });

    it('survive the switch from maps to rules and back, which leaves nothing of ours behind', () => {
      const wanted = wanting(route('x.io'), route('y.io', { path: '/api' }));
      const mapped = routed(mapMode, ...wanted.routes);
      const ruled = converge(input(wanted, mapped, { settings: rulesMode }));
      expect(JSON.stringify(ruled.frontends)).not.to.match(/\.map\)|nomad_connector_path/);
      const back = converge(input(wanted, ruled, { settings: mapMode }));
      expect(back.frontends).to.deep.equal(mapped.frontends);
      expect(JSON.stringify(back.frontends)).not.to.contain('nomad__acl_');
    });

    it('are all that is left when the last service went', () => {
      const gone = {
        settings: withSettings({ routing: { mode: 'rules' }, guard: { allowRemovals: true } }),
      };
      const left = converge(input(desiredState(), routed(rulesMode, route('x.io')), gone));
      expect(left.frontends['http_front']).to.deep.equal(operator);
    });

    it('a rule that uses one of our ACLs beside others is theirs', () => {
      const actual = routed(rulesMode, route('x.io'));
      const [own] = listsOf(actual).rules;
      const mixed = { ...own, cond_test: `${str(own?.['cond_test'])} is_static` };
      const http_front = { ...listsOf(actual), rules: [mixed, ...operator.rules] };
      const repaired = converge(
        input(
          wanting(route('x.io')),
          { ...actual, frontends: { http_front } },
          { settings: rulesMode },
        ),
      );
      expect(listsOf(repaired).rules).to.deep.equal([own, mixed, ...operator.rules]);
    });

    it('one that reads a shared map in its own way is theirs', () => {
      const settings = withSettings({ routing: { mapFile: '/maps/hosts.map' } });
      const own = { name: '%[req.hdr(host),lower,map(/maps/hosts.map,static)]' };
      const http_front = frontend('http_front', { rules: [own, ...operator.rules] });
      const hosts = { file: '/maps/hosts.map', entries: { 'old.io': 'static' } };
      const actual = actualState([], { frontends: { http_front }, maps: { hosts } });
      const there = converge(input(wanting(route('x.io')), actual, { settings }));
      expect(listsOf(there).rules.slice(1)).to.deep.equal([own, ...operator.rules]);
    });

    it('one of ours that hands moved behind theirs comes back, theirs stay', () => {
      const actual = routed(rulesMode, route('x.io'));
      const [own, ...theirs] = listsOf(actual).rules;
      const rules = [...theirs, ...(own ? [own] : [])];
      const http_front = { ...listsOf(actual), rules };
      const plan = planFor(
        wanting(route('x.io')),
        { ...actual, frontends: { http_front } },
        {
          settings: rulesMode,
        },
      );
      expect(listsOf(applyToModel({ ...actual, frontends: { http_front } }, plan))).to.deep.equal(
        listsOf(actual),
      );
    });
  });

  it('a frontend that is missing is said; what it would route is not written', () => {
    const actual = actualState([], { frontends: {} });
    const plan = planFor(wanting(route('x.io')), actual);
    expect(plan.problems.map(({ code }) => code)).to.deep.equal(['frontend-missing']);
    expect(stepsOf(plan, 'create-backend')).to.have.length(1);
    const there = converge(input(wanting(route('x.io')), actual));
    expect(there.maps).to.deep.equal({});
  });

  for (const settings of [mapMode, rulesMode]) {
    const { mode } = settings.routing;
    it(`${mode}: routes stay in the old frontend while the new one is not there`, () => {
      const actual = routed(settings, route('x.io'));
      const moved = withSettings({ routing: { mode }, haproxy: { frontends: ['new_front'] } });
      const wanted = wanting(route('x.io', { frontends: ['new_front'] }));
      const plan = planFor(wanted, actual, { settings: moved });
      expect(plan.problems.map(({ code }) => code)).to.deep.equal(['frontend-missing']);
      expect(kindsOf(plan)).to.not.include('delete-rule');
      expect(kindsOf(plan)).to.not.include('delete-entry');
    });
  }

  it("a frontend with a name that every object in JavaScript has is no one's", () => {
    const tagged = wanting(route('x.io', { frontends: ['toString'] }));
    expect(planFor(tagged, actualState()).problems.map(({ code }) => code)).to.deep.equal([
      'frontend-missing',
    ]);
    const named = { constructor: frontend('constructor') } as unknown as ActualState['frontends'];
    const frontends = { ...actualState().frontends, ...named };
    expect(planFor(wanting(), actualState([], { frontends })).problems).to.deep.equal([]);
  });
});
