import { expect } from 'chai';

import { openPolicy, type PolicySettings } from '../../src/config/policy.js';
import type { DesiredRoute } from '../../src/desired/types.js';
import { plan } from '../../src/diff/plan/plan.js';
import {
  actualState,
  backend,
  customBackend,
  desiredState,
  endpoint,
  input,
  operatorBackend,
  route,
  settings as base,
  withSettings,
} from './given.js';
import { converge } from './model.js';

const open = withSettings({ guard: { allowRemovals: true } });
const settings = { ...open, sync: { ...base.sync, policy: 'upsert-only' } } as const;

const webRoute = route('x.io');
const web = backend('web', { endpoints: [endpoint('a')] });
const served = converge(input(desiredState([web], [webRoute]), actualState(), { settings }));

/** Keys of the route entries that go. */
function removed(
  desired: readonly DesiredRoute[],
  policy: Partial<PolicySettings> = {},
  more: Parameters<typeof desiredState>[2] = {},
): readonly string[] {
  const backends = desired.map(({ backend: name, service }) =>
    backend(name.replace('nomad_', ''), { service }),
  );
  const given = { settings: { ...settings, policy: { ...openPolicy, ...policy } } };
  const { steps } = plan(input(desiredState(backends, desired, more), served, given));
  return steps.flatMap((step) => (step.kind === 'delete-entry' ? [step.key] : []));
}

describe('upsert-only: a route that no service asks for any more', () => {
  const theirs = route('x.io', { path: '/b', backend: 'nomad_b_api', service: 'b/api' });

  it('stays', () => {
    expect(removed([])).to.deep.equal([]);
  });

  it('goes once its host is reserved', () => {
    expect(removed([], { reservedDomains: ['x.io'] })).to.deep.equal(['x.io']);
  });

  it('goes once a strict policy does not list it for its namespace', () => {
    const own = { domains: ['x.io'], backends: [], features: [], grants: [] };
    expect(removed([], { mode: 'strict', namespaces: { default: own } })).to.deep.equal([]);
    expect(removed([], { mode: 'strict' })).to.deep.equal(['x.io']);
  });

  it('goes once its service is refused by the policy', () => {
    const skipped = [{ service: 'default/web', code: 'policy', reason: '' }] as const;
    expect(removed([], {}, { skipped })).to.deep.equal(['x.io']);
  });

  it("goes once its host is another namespace's, unless the claim or a grant is left", () => {
    expect(removed([theirs])).to.deep.equal(['x.io']);
    const claims = { 'host|default|exact|x.io': { since: 1 } };
    expect(removed([theirs], {}, { claims })).to.deep.equal([]);
    expect(removed([theirs], { grants: [{ host: 'x.io', to: 'default' }] })).to.deep.equal([]);
    const own = route('x.io', { path: '/b', backend: 'nomad_api', service: 'default/api' });
    expect(removed([own])).to.deep.equal([]);
  });
});

describe("upsert-only: servers of a gone service in an operator's backend", () => {
  const shop = customBackend('shop', { endpoints: [endpoint('s')] });
  const before = converge(
    input(desiredState([shop]), actualState([operatorBackend('pool')]), { settings }),
  );

  it('stay without an instance, and go once the policy protects the backend', () => {
    const after = converge(input(desiredState(), before, { settings }));
    const slots = after.backends['pool']?.slots ?? [];
    expect(slots.length).to.equal(before.backends['pool']?.slots.length);
    expect(slots.filter(({ binding }) => binding !== undefined)).to.deep.equal([]);
    const policy = { ...openPolicy, protectedBackends: ['pool'] };
    const closed = converge(input(desiredState(), after, { settings: { ...settings, policy } }));
    expect(closed.backends['pool']?.slots).to.deep.equal([]);
  });
});
