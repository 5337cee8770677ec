import { expect } from 'chai';
import fc from 'fast-check';

import { openPolicy, type PolicySettings } from '../../src/config/policy.js';
import { buildDesired } from '../../src/desired/build.js';
import { newDesiredMemory } from '../../src/desired/memory.js';
import type { DesiredInput, DesiredState } from '../../src/desired/types.js';
import { noFacts } from '../../src/haproxy/facts.js';
import type { CatalogService } from '../../src/observe/types.js';
import { runs } from '../arbitraries/runs.js';
import { catalogOf, declaration, enabled, instance, service, settings } from './given.js';

const namespaces = ['a', 'b'] as const;
const names = ['web', 'api', 'shop'] as const;

const someTags = fc.constantFrom(
  ['domain=x.io'],
  ['domain=y.x.io', 'path=/p'],
  ['domain=*.x.io'],
  ['domain=z.io', 'domain=x.io'],
  ['domain.type=regex', 'domain=^x.*$'],
  ['domain=x.io', 'backend=custom', 'backend.name=pool', 'weight=200'],
  ['domain=x.io', 'backend=static'],
  ['domain=not a host'],
  ['domain=y.io', 'check.interval=100ms', 'unknown=1'],
  ['path=/login'],
);

const someService: fc.Arbitrary<CatalogService> = fc
  .record(
    {
      namespace: fc.constantFrom(...namespaces),
      name: fc.constantFrom(...names),
      tags: someTags,
      count: fc.nat(3),
      claimedAt: fc.integer({ min: 1, max: 3 }),
    },
    { noNullPrototype: true },
  )
  .map(({ namespace, name, tags, count, claimedAt }) => {
    const all = enabled(...tags);
    const instances = Array.from({ length: count }, () => instance({ tags: all }));
    const declarations = [declaration({ tags: all, jobCreateIndex: claimedAt })];
    return service(name, { namespace, instances, declarations });
  });

type Move = (input: DesiredInput, last: DesiredState) => DesiredInput;

function withServices(input: DesiredInput, services: readonly CatalogService[]): DesiredInput {
  const { unreadable = [], ...catalog } = input.catalog;
  // A service stands in one of the two.
  const left = unreadable.filter((one) => services.every(isOther(one)));
  return { ...input, catalog: { ...catalog, services, unreadable: left } };
}

function isOther(one: CatalogService): (other: CatalogService) => boolean {
  return ({ namespace, name }) => namespace !== one.namespace || name !== one.name;
}

function withPolicy(policy: Partial<PolicySettings>): Move {
  return (input) => ({
    ...input,
    settings: { ...input.settings, policy: { ...openPolicy, ...policy } },
  });
}

const files = ['x.io', 'z.io'].map((host) => ({
  name: 'legacy',
  targets: [{ address: '10.9.9.9', port: 80 }],
  tags: [`domain=${host}`],
}));

const strict = {
  domains: ['*.io', 'x.io', 'z.io'],
  backends: ['pool'],
  features: ['regex', 'hostless'] as const,
  grants: [{ host: 'x.io', path: '/p', to: 'b' }],
};

const moves: fc.Arbitrary<Move> = fc.oneof(
  someService.map((one): Move => (input) => {
    const others = input.catalog.services.filter(isOther(one));
    return withServices(input, [...others, one]);
  }),
  fc.nat(5).map((at): Move => (input) => {
    return withServices(
      input,
      input.catalog.services.filter((_, index) => index !== at),
    );
  }),
  fc.nat(5).map((at): Move => (input) => {
    const { catalog } = input;
    const one = catalog.services[at];
    if (one === undefined) return { ...input, catalog: { ...catalog, unreadable: [] } };
    const unreadable = [{ ...one, instances: [], reason: 'HTTP 500' }];
    return {
      ...input,
      catalog: { ...catalog, services: catalog.services.filter(isOther(one)), unreadable },
    };
  }),
  fc.constantFrom(1, 3_600_000, 90 * 86_400_000).map((ms): Move => (input) => {
    return { ...input, now: (input.now ?? 0) + ms };
  }),
  fc.constantFrom<Move>(
    // As in a process: what is written is read again.
    (input, last) => ({ ...input, ...(last.claims && { claims: last.claims }) }),
    (input, last) => ({ ...input, ...(last.claims && { claims: structuredClone(last.claims) }) }),
    ({ claims: _, ...input }) => input,
    ({ now: _, ...input }) => input,
    (input) => ({ ...input, settings: { ...input.settings } }),
    (input) => ({ ...input, settings }),
    (input) => ({
      ...input,
      settings: { ...settings, limits: { ...settings.limits, regexesTotal: 0 } },
    }),
    (input) => ({
      ...input,
      settings: { ...settings, limits: { ...settings.limits, serversPerBackend: 1 } },
    }),
    withPolicy({ reservedDomains: ['x.io'] }),
    withPolicy({ protectedBackends: ['pool'] }),
    withPolicy({ mode: 'strict', namespaces: { a: strict, b: { ...strict, grants: [] } } }),
    withPolicy({ grants: [{ host: 'x.io', to: 'b' }] }),
    withPolicy({}),
    (input) => ({ ...input, facts: noFacts }),
    (input) => ({ ...input, facts: { ...noFacts, operatorBackends: { pool: 10 } } }),
    (input) => ({ ...input, facts: { ...noFacts, joined: { 'a/web': ['pool'] } } }),
    (input) => ({ ...input, facts: { ...noFacts, served: ['a/web', 'b/gone'] } }),
    (input) => ({
      ...input,
      facts: {
        ...noFacts,
        operatorHosts: [{ frontend: 'http_front', match: 'exact', host: 'y.x.io' }],
      },
    }),
    (input) => ({
      ...input,
      endpoints: [{ what: 'Nomad', host: '10.0.0.1', addresses: ['10.0.0.1'], port: 20_001 }],
    }),
    (input) => ({ ...input, endpoints: [] }),
    (input) => ({ ...input, routeFiles: [] }),
    (input) => ({ ...input, routeFiles: files.slice(0, 1) }),
    (input) => ({ ...input, routeFiles: files.slice(1) }),
    (input, { backends: [one] }) => {
      if (one === undefined) return { ...input, rejected: {} };
      const { service: label, fingerprint } = one;
      return { ...input, rejected: { [label]: { fingerprint, reason: 'refused' } } };
    },
    (input) => {
      const trust = { removals: 'held', reason: 'torn' } as const;
      return { ...input, catalog: { ...input.catalog, trust } };
    },
    (input) => ({ ...input, catalog: { ...input.catalog, trust: { removals: 'allowed' } } }),
  ),
);

const first: DesiredInput = { catalog: catalogOf(), settings, now: 1_700_000_000_000 };

describe('the memory of the desired state', () => {
  it('changes no result, whatever changes from build to build', () => {
    fc.assert(
      fc.property(fc.array(moves, { minLength: 1, maxLength: 30 }), (all) => {
        const memory = newDesiredMemory();
        let input = first;
        let last = buildDesired(input, memory);
        for (const move of all) {
          input = move(input, last);
          last = buildDesired(input, memory);
          expect(last).to.deep.equal(buildDesired(input));
        }
      }),
      runs(150),
    );
  });

  it('gives the same object for the same input, at whatever time', () => {
    fc.assert(
      fc.property(fc.array(someService, { maxLength: 8 }), (services) => {
        const memory = newDesiredMemory();
        const unique = services.filter((one, at) => services.slice(0, at).every(isOther(one)));
        const input = withServices(first, unique);
        const { claims } = buildDesired(input, memory);
        const known = { ...input, ...(claims && { claims }) };
        const before = buildDesired(known, memory);
        const later = { ...known, catalog: { ...known.catalog, index: 2 }, now: Date.now() };
        expect(buildDesired(later, memory)).to.equal(before);
      }),
      runs(50),
    );
  });

  it('plans only the services that changed', () => {
    const planned: string[] = [];
    const noting = (one: CatalogService): CatalogService =>
      new Proxy(one, {
        get: (its, key) => {
          if (key === 'instances') planned.push(its.name);
          return its[key as keyof CatalogService];
        },
      });
    const services = ['a', 'b', 'c'].map((name) =>
      noting(service(name, { instances: [instance({ tags: enabled(`domain=${name}.io`) })] })),
    );
    const memory = newDesiredMemory();
    const before = buildDesired(withServices(first, services), memory);
    const [a, , c] = services;
    const b = noting(service('b', { instances: [instance({ tags: enabled('domain=b.io') })] }));
    planned.splice(0);
    const changed = withServices(first, [a!, b, c!]);
    buildDesired(changed, memory);
    expect(new Set(planned)).to.deep.equal(new Set(['b']));
    const after = buildDesired(changed, memory);
    expect(after.backends.map((one, at) => one === before.backends[at])).to.deep.equal([
      true,
      false,
      true,
    ]);
    expect(after.routes).to.equal(before.routes);
  });
});
