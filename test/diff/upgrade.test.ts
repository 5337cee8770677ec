import { expect } from 'chai';

import type { ActualState, Neighbour } from '../../src/actual/types.js';
import { plan } from '../../src/diff/plan/plan.js';
import type { JsonObject } from '../../src/shared/json.js';
import { asEarlier, asFirst } from '../arbitraries/earlier.js';
import {
  actualState,
  backend,
  desiredState,
  frontend,
  input,
  planFor,
  route,
  stepsOf,
  withSettings,
} from './given.js';
import { applyToModel, converge } from './model.js';

const routes = (['exact', 'wildcard', 'prefix', 'regex'] as const).flatMap((match) => [
  route('x.io', { match }),
  route('x.io', { match, path: '/api' }),
]);
const wanted = desiredState(
  [backend('web')],
  [...routes, route('', { match: 'any', path: '/any' })],
);

/** An operator's rules, some of them much like those of an earlier version. */
const operatorRules: readonly JsonObject[] = [
  { name: 'static', cond: 'if', cond_test: 'is_static' },
  { name: '%[req.hdr(host),host_only,lower,map(/maps/domains.map)]' },
  { name: '%[req.hdr(host),lower,map(/maps/nomad_exact.map)]', cond: 'if', cond_test: 'is_static' },
  { name: '%[req.hdr(host),host_only,lower,map(/maps/nomad_exact.map,static)]' },
  {
    name: '%[var(txn.nomad_connector_backend)]',
    cond: 'if',
    cond_test: '{ var(txn.nomad_connector_backend) -m found }',
  },
];

const settled = {
  map: settledIn('map'),
  rules: settledIn('rules'),
};

function given(mode: 'map' | 'rules', position: 'before' | 'after' = 'before') {
  return withSettings({ routing: { mode, position } });
}

function settledIn(mode: 'map' | 'rules', position: 'before' | 'after' = 'before'): ActualState {
  const http_front = frontend('http_front', { rules: operatorRules });
  const actual = actualState([], { frontends: { http_front } });
  return converge(input(wanted, actual, { settings: given(mode, position) }));
}

function listsOf({ frontends }: ActualState) {
  return frontends['http_front']!;
}

describe('rules that an earlier version wrote', () => {
  it('had these forms', () => {
    const rules = listsOf(settled.map).rules.map(asEarlier);
    const host = 'req.hdr(host),host_only,lower';
    expect(rules).to.deep.include.members([
      {
        name: `%[${host},map(/maps/nomad_exact.map)]`,
        cond: 'if',
        cond_test: `{ ${host},map(/maps/nomad_exact.map) -m found }`,
      },
      {
        name: `%[${host},map_reg(/maps/nomad_regex.map)]`,
        cond: 'if',
        cond_test: `{ req.hdr(host),host_only,length le 253 } { ${host},map_reg(/maps/nomad_regex.map) -m found }`,
      },
      {
        name: '%[path,concat(,,/),map_beg(/maps/nomad_any_path.map)]',
        cond: 'if',
        cond_test: '{ path,concat(,,/),map_beg(/maps/nomad_any_path.map) -m found }',
      },
    ]);
  });

  for (const [title, old] of [
    ['the last', asEarlier],
    ['the first, without a check of the length', asFirst],
  ] as const) {
    for (const position of ['before', 'after'] as const) {
      it(`${title}: are replaced in one transaction, ${position} the operator's, which stay`, () => {
        const settings = given('map', position);
        const now = settledIn('map', position);
        const rules = listsOf(now).rules.map(old);
        const http_front = { ...listsOf(now), rules };
        const actual = { ...now, frontends: { http_front } };
        const found = planFor(wanted, actual, { settings });
        const ours = rules.filter((rule) => !operatorRules.includes(rule));
        expect(stepsOf(found, 'delete-rule')).to.have.length(ours.length);
        expect(stepsOf(found, 'insert-rule')).to.have.length(ours.length);
        expect(listsOf(applyToModel(actual, found)).rules).to.deep.equal(listsOf(now).rules);
        const after = converge(input(wanted, actual, { settings }));
        expect(plan(input(wanted, after, { settings })).steps).to.deep.equal([]);
      });
    }
  }

  it('in rules mode: ACLs and rules are replaced, and no ACL is left', () => {
    const { acls, rules, ...rest } = listsOf(settled.rules);
    const renamed = (text: string): string => text.replaceAll('nomad__acl_', 'nomad__acl_old');
    const http_front = {
      ...rest,
      acls: acls.map((acl) => asEarlier({ ...acl, acl_name: renamed(acl['acl_name'] as string) })),
      rules: rules.map((rule) =>
        operatorRules.includes(rule)
          ? rule
          : { ...rule, cond_test: renamed(rule['cond_test'] as string) },
      ),
    };
    expect(JSON.stringify(http_front)).to.contain('req.hdr(host),host_only');
    const actual = { ...settled.rules, frontends: { http_front } };
    const after = converge(input(wanted, actual, { settings: given('rules') }));
    expect(listsOf(after)).to.deep.equal(listsOf(settled.rules));
  });

  it('go when the last service went', () => {
    const lists = listsOf(settled.map);
    const http_front = { ...lists, rules: lists.rules.map(asEarlier) };
    const actual = { ...settled.map, frontends: { http_front } };
    const settings = withSettings({ routing: { mode: 'rules' }, guard: { allowRemovals: true } });
    const after = converge(input(desiredState(), actual, { settings }));
    expect(listsOf(after).rules).to.deep.equal(operatorRules);
  });

  it('of a neighbour that has not been upgraded are left alone', () => {
    const neighbours: readonly Neighbour[] = [
      { prefix: 'other_', serves: true, stamp: { scope: 'global/*/other', maps: ['other'] } },
    ];
    const text = JSON.stringify(listsOf(settled.map).rules.map(asEarlier));
    const theirs = JSON.parse(text.replaceAll('/nomad_', '/other_')) as readonly JsonObject[];
    const http_front = frontend('http_front', {
      rules: theirs.filter((rule) => JSON.stringify(rule).includes('/other_')),
    });
    const actual = actualState([], { neighbours, frontends: { http_front } });
    const after = converge(input(wanted, actual));
    expect(listsOf(after).rules).to.deep.include.members([...http_front.rules]);
    expect(stepsOf(planFor(desiredState(), actual), 'delete-rule')).to.deep.equal([]);
  });
});

describe('a rule of ours that was edited', () => {
  for (const [title, old] of [
    ['of this version', (rule: JsonObject) => rule],
    ['of an earlier version', asEarlier],
  ] as const) {
    it(`${title}: is replaced, not left beside ours`, () => {
      const lists = listsOf(settled.map);
      const rules = lists.rules.map((rule) =>
        operatorRules.includes(rule)
          ? rule
          : { ...old(rule), cond_test: `${old(rule)['cond_test'] as string} !is_static` },
      );
      const actual = { ...settled.map, frontends: { http_front: { ...lists, rules } } };
      const after = converge(input(wanted, actual));
      expect(listsOf(after).rules).to.deep.equal(lists.rules);
    });
  }
});
