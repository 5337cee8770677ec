import { expect } from 'chai';

import { factsOf } from '../../src/actual/normalise/facts.js';
import type { ActualFrontend } from '../../src/actual/types.js';
import { switchingRule } from '../../src/haproxy/lookup-rules.js';
import { lookups } from '../../src/haproxy/expressions.js';
import { textAt } from '../../src/shared/json.js';

const ownership = { prefix: 'nomad_', adopt: false };

function hosts(
  rules: readonly string[],
  acls: readonly (readonly [string, string, string])[] = [],
) {
  const front: ActualFrontend = {
    name: 'front',
    mode: 'http',
    acls: acls.map(([name, criterion, value]) => ({ acl_name: name, criterion, value })),
    rules: rules.map((test) => ({ name: 'to', cond: 'if', cond_test: test })),
    httpRequestRules: [],
    idleCloseOnResponse: true,
  };
  const { operatorHosts } = factsOf({ frontends: { front }, backends: {}, raw: '' }, ownership);
  return operatorHosts.map(({ match, host }) => `${match} ${host}`);
}

describe("hosts that the operator's rules name", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['{ req.hdr(host) -i login.corp.example }', ['exact login.corp.example']],
    ['{ hdr(host) a.io B.io:8443 }', ['exact a.io', 'exact b.io']],
    ['{ req.hdr(host),lower,field(1,:) -m str a.io }', ['exact a.io']],
    ['{ hdr_end(host) -i .a.io }', ['wildcard a.io']],
    ['{ req.hdr(host) -m end .a.io }', ['wildcard a.io']],
    ['{ hdr_dom(host) -i a.io }', ['exact a.io', 'wildcard a.io']],
    ['{ hdr_beg(host) -i api. }', ['prefix api.']],
    ['{ req.ssl_sni -i a.io }', ['exact a.io']],
    ['{ base_beg a.io/x }', ['exact a.io']],
    ['{ path_beg /x } { hdr(host) -- a.io }', ['exact a.io']],
    ['!{ hdr(host) a.io }', ['exact a.io']],
    ['{ hdr(host) -f /etc/hosts.lst }', []],
    ['{ hdr(host),map(/x.map) -m found }', []],
    ['{ req.hdr(host),host_only,length le 253 }', []],
    ['{ src 10.0.0.0/8 }', []],
    ['{ hdr(x-host) a.io }', []],
  ];
  for (const [test, found] of cases) {
    it(`are read from ${test}`, () => {
      expect(hosts([test])).to.deep.equal(found);
    });
  }

  it('are read from ACLs that rules use', () => {
    const acls = [
      ['is_login', 'hdr(host)', '-i login.io'],
      ['is_login', 'hdr(host)', '-i www.login.io'],
      ['unused', 'hdr(host)', '-i other.io'],
      ['nomad__acl_1', 'req.hdr(host),host_only,lower', '-m str ours.io'],
    ] as const;
    expect(hosts(['is_login !nomad__acl_1'], acls)).to.deep.equal([
      'exact login.io',
      'exact www.login.io',
    ]);
  });

  it('are none of ours', () => {
    const own = lookups.flatMap(({ sample }) =>
      [true, false].map((isList) => textAt(switchingRule(sample('/m.map'), isList), 'cond_test')),
    );
    expect(hosts(own)).to.be.empty;
  });
});

describe("the operator's backends", () => {
  it('have the highest weight of their servers; 1 is what HAProxy takes', () => {
    const backend = (name: string, weights: readonly (number | undefined)[], ours = false) => ({
      ...{ name, ours, section: {}, mode: 'http', slots: [], hasDefaultServer: false },
      others: weights.map((weight, at) => ({
        ...{ name: `s${at}`, address: '10.0.0.1', port: 80 },
        ...(weight === undefined ? {} : { weight }),
      })),
    });
    const backends = {
      a: backend('a', [5, 50]),
      b: backend('b', [undefined]),
      c: backend('c', []),
      d: backend('d', [9], true),
      nomad__connector: backend('nomad__connector', [undefined]),
    };
    const { operatorBackends } = factsOf({ frontends: {}, backends, raw: '' }, ownership);
    // The marker comes with the first commit. As a fact, it would have every service planned again.
    expect(operatorBackends).to.deep.equal({ a: 50, b: 1, c: 0 });
  });
});
