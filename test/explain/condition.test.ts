import { expect } from 'chai';

import { appliesTo, type Verdict } from '../../src/explain/condition.js';
import { defaultBackendOf, fixedStatusOf, sectionsOf } from '../../src/explain/operator-text.js';
import type { Surroundings } from '../../src/explain/request.js';

const maps: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '/maps/hosts.map': { 'x.io': 'pool' },
};

const around: Surroundings = {
  request: { host: 'www.x.io', path: '/api/v1' },
  entriesOf: (file) => maps[file],
  variables: new Map(),
};

const acls = [
  { acl_name: 'is_www', criterion: 'req.hdr(host)', value: '-i WWW.X.IO' },
  { acl_name: 'either', criterion: 'path_beg', value: '/static /img' },
  { acl_name: 'either', criterion: 'path_beg', value: '/api' },
  { acl_name: 'internal', criterion: 'src', value: '10.0.0.0/8' },
];

const verdicts: readonly (readonly [string, Verdict])[] = [
  ['is_www', true],
  ['!is_www', false],
  ['! { path /api }', true],
  ['either', true],
  ['internal', undefined],
  ['!internal', undefined],
  ['is_www internal', undefined],
  ['!is_www internal', false],
  ['internal || is_www', true],
  ['internal or !is_www', undefined],
  ['nobody_defined_it', undefined],
  ['toString', undefined],
  ['TRUE', true],
  ['{ path_beg /api } { path_end /v1 }', true],
  ['{ path -m beg /apx } || { hdr_end(host) -i .X.io }', true],
  ['{ hdr_dom(host) -i x.io }', true],
  ['{ path_dir v1 }', true],
  ['{ path_sub pi/v }', true],
  ['{ path_reg ^/api/v[0-9]$ }', true],
  ['{ path_reg ( }', undefined],
  ['{ req.hdr(host) -f /etc/hosts.lst }', undefined],
  ['{ req.hdr(host),lower,field(2,.,0),map(/maps/hosts.map) -m found }', true],
  ['{ req.hdr(host),lower,map(/maps/hosts.map) -m found }', false],
  ['{ req.hdr(host),lower,map(/maps/hosts.map,other) other }', true],
  ['{ req.hdr(host),map(/maps/unknown.map) -m found }', undefined],
  ['{ req.hdr(host),length le 8 }', true],
  ['{ req.hdr(host),length gt 8 }', false],
  ['{ req.hdr(host),md5 -m str x }', undefined],
  ['{ base_beg www.x.io/api }', true],
];

/** Configuration manual, 7.1 and 7.2. */
describe("an operator's condition on a request", () => {
  for (const [test, verdict] of verdicts) {
    it(`${test}: ${verdict ?? "can't be read"}`, () => {
      expect(appliesTo({ cond: 'if', cond_test: test }, acls, around)).to.equal(verdict);
      const opposite = verdict === undefined ? undefined : !verdict;
      expect(appliesTo({ cond: 'unless', cond_test: test }, acls, around)).to.equal(opposite);
    });
  }

  it('without one, a rule always applies', () => {
    expect(appliesTo({ name: 'pool' }, acls, around)).to.equal(true);
  });
});

describe("the operator's sections", () => {
  const sections = sectionsOf(`# comment
defaults a
  default_backend from_a
defaults b
  mode http
frontend named from a
  bind :80
frontend own from b
  default_backend mine # here
frontend none from b
backend mine
  http-request return status 404 if { path /x }
  http-request deny deny_status 410
backend gone
  http-request return status 410 content-type text/plain string "gone"
`);

  it('say where requests go that no rule takes, the defaults section included', () => {
    expect(['named', 'own', 'none', 'toString'].map((one) => defaultBackendOf(sections, one)))
      .to //
      .deep.equal(['from_a', 'mine', undefined, undefined]);
  });

  it('say which status a backend always gives; one with a condition says nothing', () => {
    expect(fixedStatusOf(sections, 'gone')).to.equal(410);
    expect(fixedStatusOf(sections, 'mine')).to.equal(undefined);
  });
});
