import { expect } from 'chai';

import { openPolicy } from '../../src/config/policy.js';
import { readPolicyFile } from '../../src/config/policy-values.js';
import { loadSettings } from '../../src/config/settings.js';

function load(policy: object, files: Readonly<Record<string, string>> = {}) {
  const readFile = (path: string): string =>
    path === 'config' ? JSON.stringify({ policy }) : (files[path] ?? '');
  return loadSettings({ flags: { configFile: 'config' }, env: {}, readFile }).policy;
}

describe('policy settings', () => {
  it('are open where nothing is set', () => {
    expect(load({})).to.deep.equal(openPolicy);
  });

  it('list what a namespace may use', () => {
    const given = {
      mode: 'strict',
      claim_grace: '10m',
      namespaces: {
        edge: {
          domains: ['*.example.com', 'example.com'],
          addresses: ['10.0.0.0/8'],
          features: ['regex', 'tcp'],
          grants: [{ host: 'www.example.com', path: '/api', to: 'team-a' }],
        },
      },
    };
    const policy = load(given);
    expect(policy?.mode).to.equal('strict');
    expect(policy?.claimGraceMs).to.equal(600_000);
    expect(policy?.namespaces['edge']).to.deep.equal({ ...given.namespaces.edge, backends: [] });
  });

  const wrong: readonly (readonly [string, object])[] = [
    ['a mode', { mode: 'closed' }],
    ['a domain', { reserved_domains: ['https://x'] }],
    ['a network', { allowed_addresses: ['10.0.0.0/40'] }],
    ['a feature', { namespaces: { a: { features: ['lua'] } } }],
    ['a key of a namespace', { namespaces: { a: { domain: ['x.io'] } } }],
    ["a namespace's name", { namespaces: { 'a/b': {} } }],
    ['a grant without a host', { grants: [{ path: '/x', to: 'a' }] }],
    ['a weight', { custom_weight: 0 }],
  ];
  for (const [what, policy] of wrong) {
    it(`are refused for ${what} that isn't allowed`, () => {
      expect(() => load(policy)).to.throw(/policy/);
    });
  }
});

describe('policy.file', () => {
  it('replaces the keys that it has', () => {
    const base = { ...openPolicy, reservedDomains: ['a.io'], protectedBackends: ['admin'] };
    const policy = readPolicyFile('p', base, () => 'mode: strict\nreserved_domains: [b.io]\n');
    expect(policy).to.deep.equal({ ...base, mode: 'strict', reservedDomains: ['b.io'] });
  });

  it('is checked at the start', () => {
    const files = { '/p.yaml': 'mode: shut\n' };
    expect(() => load({ file: '/p.yaml' }, files)).to.throw(/\/p\.yaml: mode: "shut"/);
    expect(load({ file: '/p.yaml' }, { '/p.yaml': '' })?.mode).to.equal('open');
  });

  it('names no other file', () => {
    expect(() => readPolicyFile('p', openPolicy, () => 'file: q\n')).to.throw(
      /file is not allowed/,
    );
  });
});
