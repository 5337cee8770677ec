import { createHash } from 'node:crypto';

import { expect } from 'chai';

import type { ActualBackend, ActualFrontend, OtherServer } from '../../src/actual/types.js';
import { type JsonObject, textAt } from '../../src/shared/json.js';
import { findAdoption } from '../../src/diff/complete/adopt.js';
import {
  actualState,
  backend,
  desiredState,
  frontend,
  input,
  operatorBackend,
  settings,
} from '../diff/given.js';

const hash = (domain: string): string =>
  createHash('sha256').update(domain).digest('hex').slice(0, 8);

const server = (name: string, address = '10.0.0.1', port = 80): OtherServer => {
  return { name, address, port };
};

function legacyBackend(name: string, others: readonly OtherServer[]): ActualBackend {
  return { ...operatorBackend(name), ...(others.length === 0 ? {} : { others }) };
}

function legacyFrontend(name: string, domain: string, value = domain): ActualFrontend {
  const acl = `is_${name}_${hash(domain)}`;
  return {
    ...frontend('http_front'),
    acls: [{ acl_name: acl, criterion: 'hdr(host)', value }],
    rules: [{ name, cond: 'if', cond_test: acl }],
  };
}

const rawOf = (frontends: ActualFrontend, more = ''): string => {
  const text = (rule: JsonObject, ...keys: string[]): string =>
    keys.map((key) => textAt(rule, key)).join(' ');
  return [
    'frontend http_front',
    ...frontends.acls.map((rule) => `  acl ${text(rule, 'acl_name', 'criterion', 'value')}`),
    ...frontends.rules.map((rule) => `  use_backend ${text(rule, 'name', 'cond', 'cond_test')}`),
    more,
    'backend crm_prod',
    '  server crm_prod_10_0_0_1_80 10.0.0.1:80',
  ].join('\n');
};

function adopted(
  others: readonly OtherServer[],
  front: ActualFrontend = frontend('http_front'),
  more = '',
  adopt = true,
) {
  const actual = actualState([legacyBackend('crm_prod', others)], {
    frontends: { http_front: front },
    raw: rawOf(front, more),
  });
  const given = { settings: { ...settings, ownership: { ...settings.ownership, adopt } } };
  const { backends, acls, problems } = findAdoption(
    input(desiredState([backend('crm-prod')]), actual, given),
  );
  return { backends: [...backends], acls: [...acls], problems: problems.map(({ code }) => code) };
}

const none = { backends: [], acls: [], problems: [] };
const ours = [['crm_prod', 'default/crm-prod']];

describe('what may be adopted', () => {
  const good = server('crm_prod_10_0_0_1_80');
  const domain = 'crm.example.com';
  const front = legacyFrontend('crm_prod', domain);
  const acls = [`http_front is_crm_prod_${hash(domain)}`];

  it('a backend whose servers all have the names that the original gave, with its rules', () => {
    expect(adopted([good], front)).to.deep.equal({ backends: ours, acls, problems: [] });
  });

  it('rules of a regular expression, of which the hash leaves the flag out', () => {
    const regex = legacyFrontend('crm_prod', '^c', '-m reg ^c');
    expect(adopted([good], regex).acls).to.deep.equal([`http_front is_crm_prod_${hash('^c')}`]);
  });

  it('nothing without the flag', () => {
    expect(adopted([good], front, '', false)).to.deep.equal(none);
  });

  it('no backend with a server of another name, or whose address is another', () => {
    expect(adopted([good, server('own')], front)).to.deep.equal(none);
    expect(adopted([server('crm_prod_10_0_0_1_80', '10.0.0.2')], front)).to.deep.equal(none);
  });

  it('an empty backend only if a rule of the original leads to it', () => {
    expect(adopted([], front).backends).to.deep.equal(ours);
    expect(adopted([])).to.deep.equal(none);
  });

  it('no ACL whose digits are not the hash of its domain', () => {
    const other = legacyFrontend('crm_prod', domain, 'other.example.com');
    expect(adopted([good], other)).to.deep.equal({ ...none, problems: ['not-adopted'] });
  });

  const references = [
    '  default_backend crm_prod',
    '  use_backend crm_prod if { path /x }',
    `  http-request deny if !is_crm_prod_${hash(domain)}`,
    '  http-request deny if { nbsrv(crm_prod) lt 1 }',
  ];
  for (const line of references) {
    it(`nothing that the operator uses: ${line.trim()}`, () => {
      expect(adopted([good], front, line)).to.deep.equal({ ...none, problems: ['not-adopted'] });
    });
  }

  it('whatever comments and longer names say', () => {
    const lines = '  # was crm_prod\n  use_backend crm_prod-2 if { path /crm_prod_x }';
    expect(adopted([good], front, lines).backends).to.deep.equal(ours);
  });
});
