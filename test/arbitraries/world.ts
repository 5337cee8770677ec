import fc from 'fast-check';

import type { ActualSlot, ActualState } from '../../src/actual/types.js';
import type { Settings } from '../../src/config/types.js';
import type {
  DesiredBackend,
  DesiredRoute,
  DesiredState,
  Endpoint,
} from '../../src/desired/types.js';
import type { PlanInput } from '../../src/diff/plan/plan.js';
import type { JsonObject } from '../../src/shared/json.js';
import {
  actualState,
  allocation,
  allocId,
  backend,
  catalog,
  checkedSection,
  customBackend,
  endpoint,
  frontend,
  idOf,
  now,
  operatorBackend,
  withSettings,
} from '../diff/given.js';
import { converge } from '../diff/model.js';
import { asEarlier } from './earlier.js';

const services = ['a', 'b', 'c', 'd'] as const;
const custom = ['e', 'f'] as const;

const sections: readonly JsonObject[] = [
  checkedSection,
  { ...checkedSection, balance: { algorithm: 'leastconn' } },
  { ...checkedSection, adv_check: 'httpchk', httpchk_params: { method: 'GET', uri: '/health' } },
];

/** Both routing modes, before and after the operator's rules, and maps shared with the operator. */
export const someSettings: fc.Arbitrary<Settings> = fc
  .record(
    {
      mode: fc.constantFrom('map', 'rules'),
      position: fc.constantFrom('before', 'after'),
      shared: fc.boolean(),
      spareMin: fc.nat(2),
      spareFactor: fc.constantFrom(0, 0.5, 1),
    },
    { noNullPrototype: true },
  )
  .map(({ mode, position, shared, spareMin, spareFactor }) =>
    withSettings({
      routing: { mode, position, ...(shared ? { mapFile: '/maps/hosts.map' } : {}) },
      slots: { spareMin, spareFactor },
      guard: { allowRemovals: true },
    }),
  );

function someEndpoint(name: string): fc.Arbitrary<Endpoint> {
  return fc
    .record(
      {
        address: fc.constantFrom('10.0.0.1', '10.0.0.2', '2001:db8::1'),
        port: fc.integer({ min: 20_000, max: 20_003 }),
        weight: fc.constantFrom(0, 20, 100),
        createIndex: fc.constantFrom(100, 101),
        phase: fc.constantFrom('serve', 'serve', 'serve', 'gate', 'drain'),
        terminal: fc.boolean(),
      },
      { noNullPrototype: true },
    )
    .map(({ terminal, ...rest }) =>
      endpoint(name, { ...rest, terminal: terminal && rest.phase === 'drain' }),
    );
}

/** Instances of a service, each with an id that no other service has. */
function someEndpoints(service: string): fc.Arbitrary<readonly Endpoint[]> {
  return fc
    .subarray([1, 2, 3, 4, 5])
    .chain((numbers) => fc.tuple(...numbers.map((number) => someEndpoint(`${service}${number}`))))
    .map((all: readonly Endpoint[]) => [...all].sort((x, y) => (x.id < y.id ? -1 : 1)));
}

function someDynamic(name: string): fc.Arbitrary<DesiredBackend> {
  return fc
    .tuple(fc.constantFrom(...sections), someEndpoints(name))
    .map(([section, endpoints]) => backend(name, { section, endpoints }));
}

function someCustom(name: string): fc.Arbitrary<DesiredBackend> {
  return fc
    .tuple(fc.constantFrom('pool', 'legacy'), fc.constantFrom(1000, 2000), someEndpoints(name))
    .map(([pool, inter, endpoints]) =>
      customBackend(name, {
        name: pool,
        serverFields: { check: 'enabled', inter },
        endpoints,
      }),
    );
}

const matches = ['exact', 'prefix', 'wildcard', 'regex'] as const;

const someRoute: fc.Arbitrary<Omit<DesiredRoute, 'backend' | 'service'>> = fc.oneof(
  fc
    .record(
      {
        match: fc.constantFrom(...matches),
        host: fc.constantFrom('x.io', 'www.x.io', 'y.example.com', 'z'),
        path: fc.constantFrom(undefined, undefined, '/api', '/api/v1'),
        frontends: fc.constantFrom(['http_front'], ['http_front'], ['other_front']),
      },
      { noNullPrototype: true },
    )
    .map(({ path, ...rest }) => ({
      ...rest,
      mode: 'http' as const,
      ...(path === undefined ? {} : { path }),
    })),
  fc.constantFrom('/any', '/other').map((path) => ({
    ...{ match: 'any' as const, host: '', path, mode: 'http' as const },
    frontends: ['http_front'],
  })),
  fc.constantFrom('s.io', 't.io').map((host) => ({
    ...{ match: 'exact' as const, host, mode: 'tcp' as const, frontends: ['tls_front'] },
  })),
  fc.constant({
    ...{ match: 'any' as const, host: '', mode: 'tcp' as const, frontends: ['raw_front'] },
  }),
);

function routeKey({ match, host, path, mode }: Omit<DesiredRoute, 'backend' | 'service'>): string {
  return [match, host, path, mode].join();
}

/** Each claimed once, by any of the backends. */
function someRoutes(backends: readonly DesiredBackend[]): fc.Arbitrary<DesiredRoute[]> {
  if (backends.length === 0) return fc.constant([]);
  return fc
    .uniqueArray(fc.tuple(someRoute, fc.constantFrom(...backends)), {
      selector: ([one]) => routeKey(one),
      maxLength: 8,
    })
    .map((claims) =>
      claims
        .map(([one, { name, service }]) => ({ ...one, backend: name, service }))
        .sort((x, y) => (routeKey(x) < routeKey(y) ? -1 : 1)),
    );
}

export const someDesired: fc.Arbitrary<DesiredState> = fc
  .tuple(fc.subarray([...services]), fc.subarray([...custom]))
  .chain(([own, pooled]) => fc.tuple(...own.map(someDynamic), ...pooled.map(someCustom)))
  .map((backends: readonly DesiredBackend[]) =>
    [...backends].sort((x, y) => (x.name + x.slotPrefix < y.name + y.slotPrefix ? -1 : 1)),
  )
  .chain((backends) =>
    someRoutes(backends).map((routes) => ({
      backends,
      routes,
      skipped: [],
      kept: [],
      warnings: [],
    })),
  );

/** Rules, ACLs and entries as an operator may have them, some of them much like ours. */
const operatorRules: readonly JsonObject[] = [
  { name: 'static', cond: 'if', cond_test: 'is_static' },
  { name: 'pool', cond: 'unless', cond_test: 'nomad_like other' },
  { name: '%[req.hdr(host),lower,map(/maps/domains.map,pool)]' },
  { name: '%[req.hdr(host),lower,map(/maps/hosts.map)]', cond: 'if', cond_test: 'is_static' },
  { name: 'static' },
];

const operatorAcls: readonly JsonObject[] = [
  { acl_name: 'is_static', criterion: 'path_beg', value: '/static' },
  { acl_name: 'nomad_like', criterion: 'src', value: '10.0.0.0/8' },
  { acl_name: 'other', criterion: 'always_true' },
];

const operatorHttpRules: readonly JsonObject[] = [
  { type: 'set-var', var_name: 'path', var_scope: 'txn', var_expr: 'path' },
  { type: 'deny', cond: 'if', cond_test: 'is_static' },
];

function someLists(name: string, mode: 'http' | 'tcp') {
  return fc
    .tuple(
      fc.shuffledSubarray([...operatorAcls]),
      fc.shuffledSubarray([...operatorRules]),
      fc.shuffledSubarray([...operatorHttpRules]),
    )
    .map(([acls, rules, http]) =>
      frontend(name, { mode, acls, rules, httpRequestRules: mode === 'http' ? http : [] }),
    );
}

/** HAProxy as the operator set it up, before we came. */
const someOperatorState: fc.Arbitrary<ActualState> = fc
  .tuple(
    someLists('http_front', 'http'),
    someLists('other_front', 'http'),
    someLists('tls_front', 'tcp'),
    someLists('raw_front', 'tcp'),
    fc.boolean(),
  )
  .map(([http, other, tls, raw, sharedMap]) => {
    const entries = { 'old.x.io': 'static', 'x.io': 'pool' };
    const hosts = { file: '/maps/hosts.map', entries };
    // A rule of the operator's reads it, so that it is loaded.
    const rules = [{ name: '%[req.hdr(host),map(/maps/hosts.map)]' }, ...other.rules];
    return actualState(
      [operatorBackend('pool'), operatorBackend('legacy'), operatorBackend('static')],
      {
        frontends: {
          http_front: http,
          other_front: sharedMap ? { ...other, rules } : other,
          tls_front: tls,
          raw_front: raw,
        },
        maps: sharedMap ? { hosts } : {},
      },
    );
  });

export function inputOf(desired: DesiredState, actual: ActualState, settings: Settings): PlanInput {
  const allocations = Object.fromEntries(
    [...services, ...custom]
      .flatMap((service) => [1, 2, 3, 4, 5].map((number) => `${service}${number}`))
      .filter((name) =>
        desired.backends.some(({ endpoints }) => endpoints.some(({ id }) => id === idOf(name))),
      )
      .map((name) => [allocId(name), allocation()]),
  );
  const given = {
    catalog: catalog({ allocations }),
    idle: new Set<string>(),
    hidden: [],
    unstable: {},
  };
  return { ...given, desired, actual, settings, now };
}

type Drift = (actual: ActualState) => ActualState;

function drifting(pick: (slot: ActualSlot) => ActualSlot | undefined): fc.Arbitrary<Drift> {
  return fc.nat(10).map((at) => (actual) => {
    const names = Object.values(actual.backends).flatMap(({ slots }) => slots.map((s) => s.name));
    const victim = names.length === 0 ? '' : names[at % names.length];
    const backends = Object.entries(actual.backends).map(([name, one]) => {
      const slots = one.slots.flatMap((slot) => (slot.name === victim ? (pick(slot) ?? []) : slot));
      return [name, { ...one, slots }];
    });
    return { ...actual, backends: Object.fromEntries(backends) as ActualState['backends'] };
  });
}

/** The connector was upgraded since. */
function upgraded({ frontends, ...actual }: ActualState): ActualState {
  const earlier = Object.entries(frontends).map(([name, one]) => [
    name,
    { ...one, acls: one.acls.map(asEarlier), rules: one.rules.map(asEarlier) },
  ]);
  return { ...actual, frontends: Object.fromEntries(earlier) as ActualState['frontends'] };
}

/** What hands, crashes and lost writes do to a converged HAProxy. */
export const someDrift: fc.Arbitrary<Drift> = fc.oneof(
  fc.constant<Drift>(upgraded),
  drifting(() => undefined),
  drifting(({ binding: _, ...slot }) => slot),
  drifting((slot) => ({ ...slot, config: { ...slot.config, weight: 7 } })),
  drifting((slot) => ({ ...slot, config: { ...slot.config, disabled: !slot.config.disabled } })),
  drifting((slot) => ({ ...slot, config: { ...slot.config, address: '10.9.9.9' } })),
  drifting(({ runtime: _, ...slot }) => slot),
  drifting((slot) => ({
    ...slot,
    ...(slot.runtime && { runtime: { ...slot.runtime, admin: 'maint', operational: 'down' } }),
  })),
  drifting((slot) => ({
    ...slot,
    ...(slot.runtime && { runtime: { ...slot.runtime, address: '10.8.8.8' } }),
  })),
  drifting((slot) => ({
    ...slot,
    ...(slot.binding && { binding: { ...slot.binding, drainingSince: now - 5 } }),
  })),
  fc.constant<Drift>((actual) => ({ ...actual, marker: { onDisk: actual.marker.onDisk ?? '' } })),
  fc.constant<Drift>(({ marker: _, ...actual }) => ({ ...actual, marker: {} })),
  fc.nat(5).map((at): Drift => (actual) => {
    const front = actual.frontends['http_front'];
    if (front === undefined) return actual;
    const rules = front.rules.filter((_, index) => index !== at);
    return { ...actual, frontends: { ...actual.frontends, http_front: { ...front, rules } } };
  }),
  fc.nat(5).map((at): Drift => (actual) => {
    const front = actual.frontends['http_front'];
    if (front === undefined) return actual;
    const rules = [...front.rules.slice(at), ...front.rules.slice(0, at)];
    return { ...actual, frontends: { ...actual.frontends, http_front: { ...front, rules } } };
  }),
);

export interface World {
  readonly settings: Settings;
  readonly actual: ActualState;
  readonly desired: DesiredState;
}

/**
 * An HAProxy that has served one catalog, drifted, and is now to serve another. The marker's backend
 * is left out of drifts that a Data Plane API could not answer with.
 */
export const someWorld: fc.Arbitrary<World> = fc
  .record(
    {
      operator: someOperatorState,
      earlier: someDesired,
      before: someSettings,
      drifts: fc.array(someDrift, { maxLength: 3 }),
      desired: someDesired,
      later: someSettings,
      same: fc.boolean(),
    },
    { noNullPrototype: true },
  )
  .map(({ operator, earlier, before, drifts, desired, later, same }) => {
    const settled = converge(inputOf(earlier, operator, before));
    const actual = drifts.reduce((state, drift) => drift(state), settled);
    return { actual, desired, settings: same ? before : later };
  });
