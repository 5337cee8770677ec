import { expect } from 'chai';

import type { DesiredBackend } from '../../src/desired/types.js';
import type { RuleStep, Step } from '../../src/diff/types.js';
import { candidatesOf, namedIn, rejections } from '../../src/pass/rejections.js';
import { actualBackend, actualState, backend, customBackend, desiredState } from '../diff/given.js';
import { endpoint, frontend, operatorBackend, planFor, route, slot } from '../diff/given.js';

const servicesOf = (backends: readonly DesiredBackend[]): string[] =>
  backends.map(({ service }) => service);

describe('namedIn', () => {
  const web = backend('web');
  const api = backend('web-api');
  const dotted = backend('a.b');
  const pooled = customBackend('shop');
  const all = [web, api, dotted, pooled];

  const cases: readonly (readonly [message: string, services: readonly string[]])[] = [
    ["backend 'nomad_web': unknown keyword", ['default/web']],
    ["backend 'nomad_web-api': unknown keyword", ['default/web-api']],
    ["backend 'nomad_web', server 'nomad_web_12'", ['default/web']],
    ["server pool/nomad_shop_3 has no SNI in 'pool'", ['default/shop']],
    ['proxy nomad_web and proxy nomad_web-api', ['default/web', 'default/web-api']],
    ['nomad_web', ['default/web']],
    ['nomad_web.', ['default/web']],
    ["unable to find 'nomad_a.b'", ['default/a.b']],
    ["unable to find 'nomad_axb'", []],
    ['backend nomad_webs', []],
    ['backend nomad_web_x', []],
    ['backend my-nomad_web', []],
    ['backend my.nomad_web', []],
    ['port 80: cannot bind', []],
    ['', []],
  ];
  for (const [message, services] of cases) {
    it(`finds ${services.join(' and ') || 'nobody'} in "${message}"`, () => {
      expect(servicesOf(namedIn(all, message))).to.deep.equal(services);
    });
  }

  it('names nobody outside the candidates', () => {
    expect(namedIn([api], "backend 'nomad_web': unknown keyword")).to.deep.equal([]);
  });
});

describe('candidatesOf', () => {
  const web = backend('web', { endpoints: [endpoint('a')] });
  const api = backend('api', { endpoints: [endpoint('b')] });
  const slots = [1, 2, 3].map((number) => slot(`nomad_web_${number}`));

  it('takes a service whose backend is new, and not one that only fills a slot', () => {
    const desired = desiredState([api, web]);
    const plan = planFor(desired, actualState([actualBackend('web', { slots })]));
    expect(plan.steps.map(({ kind }) => kind)).to.include('bind-slot');
    expect(servicesOf(candidatesOf(desired, plan))).to.deep.equal(['default/api']);
  });

  it('takes a service whose backend is written again', () => {
    const changed = { ...web, section: { ...web.section, adv_check: 'httpchk' } };
    const desired = desiredState([api, changed]);
    const api1 = [1, 2, 3].map((number) => slot(`nomad_api_${number}`, { service: 'default/api' }));
    const plan = planFor(
      desired,
      actualState([actualBackend('web', { slots }), actualBackend('api', { slots: api1 })]),
    );
    expect(servicesOf(candidatesOf(desired, plan))).to.deep.equal(['default/web']);
  });

  it("takes a service with a new server in the operator's backend, and not its neighbour", () => {
    const pooled = customBackend('shop', { endpoints: [endpoint('c')] });
    const desired = desiredState([pooled, web]);
    const actual = actualState([operatorBackend('pool'), actualBackend('web', { slots })]);
    const plan = planFor(desired, actual);
    expect(plan.steps.map(({ kind }) => kind)).to.include('create-server');
    expect(servicesOf(candidatesOf(desired, plan))).to.deep.equal(['default/shop']);
  });

  it('takes the backend of a rule that is new, not of one that only moves or goes', () => {
    const desired = desiredState([api, web], [route('a.io')]);
    const rule = (kind: RuleStep['kind'], name: string, test: string): Step => ({
      kind,
      frontend: 'http_front',
      list: 'backend_switching_rules',
      index: 0,
      rule: { name, cond: 'if', cond_test: test },
      route: 'transaction',
      reload: 'routing-rules',
      reason: 'rules',
    });
    const nothing = planFor(desiredState(), actualState());
    const candidates = (...steps: readonly Step[]): string[] =>
      servicesOf(candidatesOf(desired, { ...nothing, steps }));
    expect(candidates(rule('insert-rule', 'nomad_web', 'x'))).to.deep.equal(['default/web']);
    expect(candidates(rule('delete-rule', 'nomad_web', 'x'))).to.deep.equal([]);
    const moved = [rule('delete-rule', 'nomad_web', 'x'), rule('insert-rule', 'nomad_web', 'x')];
    expect(candidates(...moved)).to.deep.equal([]);
    const other = [rule('delete-rule', 'nomad_web', 'x'), rule('insert-rule', 'nomad_web', 'y')];
    expect(candidates(...other)).to.deep.equal(['default/web']);
  });

  it('takes nobody where the plan only removes', () => {
    const desired = desiredState();
    const actual = actualState([actualBackend('web', { slots })], {
      frontends: { http_front: frontend('http_front') },
    });
    expect(candidatesOf(desired, planFor(desired, actual))).to.deep.equal([]);
  });
});

describe('rejections', () => {
  it('remembers by service the input and the reason, the latter cut', () => {
    const found = rejections([backend('web'), backend('api')], 'x'.repeat(1000));
    expect(found).to.deep.equal({
      'default/web': { fingerprint: 'web', reason: 'x'.repeat(400) },
      'default/api': { fingerprint: 'api', reason: 'x'.repeat(400) },
    });
    expect(rejections([], 'why')).to.deep.equal({});
  });
});
