import { expect } from 'chai';

import { type NamespacePolicy, openPolicy, type PolicySettings } from '../../src/config/policy.js';
import type { DesiredInput } from '../../src/desired/types.js';
import { noFacts } from '../../src/haproxy/facts.js';
import { catalogOf, declaration, desired, enabled, instance, service, settings } from './given.js';

const none: NamespacePolicy = { domains: [], backends: [], features: [], grants: [] };

/** Ways to be skipped for another reason, which keeps what HAProxy has of a service. */
const detours: readonly (readonly [string, readonly string[]])[] = [
  ['an invalid tag', ['weight=heavy']],
  ['an invalid name of a backend', ['backend.name=no name']],
  ['two invalid tags', ['mode=udp', 'check.port=0']],
  ['a tag beyond the limit', [`domain=${'x'.repeat(5000)}`]],
  ['too many domains', Array.from({ length: 501 }, (_, at) => `domain=d${at}.io`)],
];

function state(
  tags: readonly string[],
  policy: Partial<PolicySettings>,
  more: Partial<DesiredInput> = {},
) {
  const web = service('web', {
    namespace: 'evil',
    claimedAt: 10,
    instances: [instance({ tags: enabled(...tags) })],
  });
  const set = { ...settings, policy: { ...openPolicy, ...policy } };
  return desired([web], { settings: set, ...more });
}

const codes = (given: ReturnType<typeof state>) => given.skipped.map(({ code }) => code);

describe('what the policy takes away again', () => {
  const facts = { ...noFacts, operatorBackends: { pool: 1 }, joined: { 'evil/web': ['pool'] } };

  for (const [what, tags] of detours) {
    it(`isn't kept with ${what}, in a protected backend`, () => {
      const given = state(['backend=custom', ...tags], { protectedBackends: ['pool'] }, { facts });
      expect(codes(given)).to.deep.equal(['policy']);
      expect(given.skipped[0]?.reason).to.contain('policy.protected_backends lists backend pool');
    });

    it(`isn't kept with ${what}, in a backend that strict mode doesn't list`, () => {
      const strict = { mode: 'strict', namespaces: { evil: none } } as const;
      expect(codes(state(['domain=x.io', ...tags], strict, { facts }))).to.deep.equal(['policy']);
    });

    it(`isn't kept with ${what}, in a namespace without an entry`, () => {
      const given = state(['domain=x.io', ...tags], { mode: 'strict' });
      expect(codes(given)).to.deep.equal(['policy']);
    });

    it(`is kept with ${what}, where nothing was taken away`, () => {
      const own = { ...none, domains: ['*'], backends: ['pool'] };
      const strict = { mode: 'strict', namespaces: { evil: own } } as const;
      const [code] = codes(state(['domain=x.io', ...tags], strict, { facts }));
      expect(code).to.be.oneOf(['invalid-tag', 'limit-exceeded']);
    });
  }

  it("isn't kept where Nomad's answer can't be read", () => {
    const tags = enabled('backend=custom', 'backend.name=pool');
    const web = service('web', { namespace: 'evil', declarations: [declaration({ tags })] });
    const unreadable = [{ ...web, reason: 'too large', limit: 'object_bytes' } as const];
    const ofPolicy = (policy: Partial<PolicySettings>) => {
      const set = { ...settings, policy: { ...openPolicy, ...policy } };
      const catalog = { ...catalogOf(), unreadable };
      return codes(desired([], { catalog, settings: set, facts }));
    };
    expect(ofPolicy({})).to.deep.equal(['limit-exceeded']);
    expect(ofPolicy({ protectedBackends: ['pool'] })).to.deep.equal(['policy']);
    expect(ofPolicy({ mode: 'strict' })).to.deep.equal(['policy']);
  });

  it("isn't kept where HAProxy refuses the service, or another has its host", () => {
    const policy = { protectedBackends: ['pool'] };
    const fingerprint = state(['domain=x.io'], policy).backends[0]?.fingerprint ?? '';
    const rejected = { 'evil/web': { fingerprint, reason: 'no' } };
    expect(codes(state(['domain=x.io'], policy, { facts, rejected }))).to.deep.equal(['policy']);
    const claims = { 'host|shop|exact|x.io': { since: 1 } };
    const given = state(['domain=x.io'], policy, { facts, claims, now: 10 });
    expect(codes(given)).to.deep.equal(['policy']);
  });

  it('is no reason to skip a service that has left already', () => {
    const given = state(['domain=x.io'], { protectedBackends: ['pool'] }, { facts });
    expect(codes(given)).to.deep.equal([]);
  });

  it('leaves the hosts of a service with an invalid tag with its namespace', () => {
    const own = { ...none, domains: ['x.io'], backends: ['pool'] };
    const strict = { mode: 'strict', namespaces: { evil: own } } as const;
    const tags = ['backend=custom', 'domain=x.io'];
    const before = state([...tags, 'backend.name=pool'], strict, { facts, now: 1000 }).claims ?? {};
    const more = { facts, claims: before, now: 9000 };
    const after = state([...tags, 'backend.name=no name'], strict, more).claims ?? {};
    expect(after).to.deep.equal(before);
  });
});
