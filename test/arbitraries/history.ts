import fc from 'fast-check';

import { recordOf } from '../../src/haproxy/claims-record.js';
import { factsOf } from '../../src/actual/normalise/facts.js';
import type { ActualBackend, ActualState } from '../../src/actual/types.js';
import { openPolicy, type PolicySettings } from '../../src/config/policy.js';
import { type Settings, syncPolicies } from '../../src/config/types.js';
import type { DesiredInput, DesiredState } from '../../src/desired/types.js';
import type { PlanInput } from '../../src/diff/plan/input.js';
import { probesOf } from '../../src/diff/plan/probes.js';
import type { Plan } from '../../src/diff/types.js';
import type { AllocationFacts, CatalogInstance, CatalogService } from '../../src/observe/types.js';
import { catalogOf, checkSpec, declaration, enabled, service } from '../desired/given.js';
import {
  actualState,
  allocation,
  allocId,
  frontend,
  idOf,
  now,
  operatorBackend,
  settings,
} from '../diff/given.js';
import { applyToModel, idleSlots, settle } from '../diff/model.js';
import { someDrift } from './world.js';

/** What a pass reads, beside what it knows of earlier ones. */
export interface Picture {
  readonly catalog: DesiredInput['catalog'];
  readonly settings: Settings;
  readonly actual: ActualState;
  /** Unix seconds. */
  readonly now: number;
  readonly desired: Partial<DesiredInput>;
  readonly plan: Partial<PlanInput>;
}

export interface Passed {
  readonly desired: DesiredState;
  readonly plan: Plan;
}

export type Move = (picture: Picture, last: Passed) => Picture;

const namespaces = ['a', 'b'] as const;
const names = ['web', 'api', 'shop'] as const;

const tagLists = [
  ['domain=x.io'],
  ['domain=x.io', 'domain=y.x.io'],
  ['domain=y.x.io', 'path=/p'],
  ['domain=y.x.io', 'path=/p', 'path.strip=true', 'ssl-redirect=true'],
  ['path=/p', 'path=/login'],
  ['domain=*.x.io'],
  ['domain=api.', 'domain.type=prefix'],
  ['domain=^x.*$', 'domain.type=regex'],
  ['domain=^z[0-9]+$', 'domain=^y$', 'domain.type=regex', 'frontend=other_front'],
  ['domain=x.io', 'frontend=other_front', 'frontend=http_front'],
  ['domain=x.io', 'frontend=missing_front'],
  ['domain=s.io', 'mode=tcp', 'frontend=tls_front', 'cookie=SRV'],
  ['mode=tcp', 'frontend=raw_front'],
  ['domain=x.io', 'backend=custom', 'backend.name=pool', 'weight=200'],
  ['domain=x.io', 'backend=custom', 'backend.name=legacy', 'check.port=9000'],
  ['domain=x.io', 'backend=static'],
  ['domain=not a host', 'weight=100'],
  ['domain=y.io', 'check.interval=100ms', 'unknown=1'],
  ['domain=y.io', 'check.type=tcp', 'check.host=h.io'],
  ['domain=y.io', 'check.path=/health', 'check.method=POST', 'check.expect=200'],
  ['domain=y.io', 'check.type=https', 'server.ssl=true', 'server.ssl.verify=true'],
  ['domain=y.io', 'check.type=grpc', 'server.proto=h2'],
  ['domain=z.io', 'canary.header=X-Canary', 'canary.weight=5'],
  ['domain=z.io', 'canary.header=X-Canary:always', 'cookie=SRV'],
  ['domain=z.io', 'rate-limit=100/s', 'allow-list=10.0.0.0/8', 'load-balance=leastconn'],
  ['domain=z.io', 'request-header.set=X-A: b', 'send-proxy=v2', 'maxconn=10'],
  ['domain=z.io', 'backend.name=other', 'path.strip=true'],
  ['domain=w.io', 'weight=7', 'weight=8'],
] as const;

const someTags = fc.constantFrom(...tagLists);

const checkLists = [
  [],
  [checkSpec('http', { path: '/health' })],
  [checkSpec('http', { path: '/health', headers: { Host: ['h.io'] } })],
  [checkSpec('http', { path: '/v2', port: 9001 })],
  [checkSpec('tcp')],
  [checkSpec('grpc', { grpcService: 'g' })],
  [checkSpec('script')],
] as const;

const states = [
  ['running', 'run'],
  ['running', 'run'],
  ['running', 'run'],
  ['pending', 'run'],
  ['running', 'stop'],
  ['complete', 'stop'],
  ['failed', 'run'],
] as const;

const addresses = ['10.0.0.1', '10.0.0.1', '10.0.0.2', '127.0.0.1', '2001:db8::1', ''] as const;

function someInstance(prefix: string): fc.Arbitrary<CatalogInstance> {
  return fc
    .record(
      {
        number: fc.integer({ min: 1, max: 4 }),
        tags: someTags,
        checks: fc.constantFrom(...checkLists, 'unreadable' as const),
        state: fc.constantFrom(...states),
        address: fc.constantFrom(...addresses),
        port: fc.integer({ min: 20_000, max: 20_004 }),
        canary: fc.boolean(),
        version: fc.nat(2),
        createIndex: fc.constantFrom(100, 101),
        oddity: fc.constantFrom('', '', '', '', 'ghost', 'unresolved', 'job', 'unknown'),
      },
      { noNullPrototype: true },
    )
    .map(({ number, tags, checks, state, version, oddity, ...rest }) => {
      const name = `${prefix}${number}`;
      const [clientStatus, desiredStatus] = state;
      const { canary, ...own } = rest;
      const facts = { clientStatus, desiredStatus, canary, jobVersion: version };
      return {
        ...own,
        id: idOf(name),
        allocId: allocId(name),
        jobId: prefix,
        group: 'web',
        tags: enabled(...tags),
        spec:
          checks === 'unreadable'
            ? { status: 'unreadable' as const, reason: 'HTTP 500' }
            : { status: 'known' as const, checks, shutdownDelayMs: 0 },
        ...(oddity === 'ghost' ? {} : { allocation: allocation({ ...facts, jobId: prefix }) }),
        ...(oddity === 'unresolved' ? { unresolved: true as const, address: '' } : {}),
        ...(oddity === 'job' || oddity === 'unknown' ? { foreign: oddity } : {}),
      };
    });
}

const someId = fc.tuple(fc.constantFrom(...namespaces), fc.constantFrom(...names));

/** Instances with the same tags, or each with its own. */
const someService: fc.Arbitrary<CatalogService> = someId.chain(([namespace, name]) =>
  fc
    .record(
      {
        tags: someTags,
        checks: fc.constantFrom(...checkLists),
        instances: fc.uniqueArray(someInstance(`${namespace}${name.slice(0, 1)}`), {
          selector: ({ id }) => id,
          maxLength: 4,
        }),
        isAlike: fc.boolean(),
        isDeclared: fc.boolean(),
        claimedAt: fc.integer({ min: 1, max: 3 }),
        max: fc.constantFrom(undefined, undefined, 9),
      },
      { noNullPrototype: true },
    )
    .map(({ tags, checks, instances, isAlike, isDeclared, claimedAt, max }) => {
      const all = enabled(...tags);
      const jobId = `${namespace}${name.slice(0, 1)}`;
      const given = { tags: all, checks, jobId, jobCreateIndex: claimedAt };
      const own = instances.map((one) => (isAlike ? { ...one, tags: all } : one));
      const more = { count: instances.length, ...(max === undefined ? {} : { max }) };
      return service(name, {
        namespace,
        claimedAt,
        instances: own.sort((x, y) => (x.id < y.id ? -1 : 1)),
        declarations: isDeclared ? [declaration({ ...given, ...more })] : [],
      });
    }),
);

function isOther(one: CatalogService): (other: CatalogService) => boolean {
  return ({ namespace, name }) => namespace !== one.namespace || name !== one.name;
}

function allocationsOf(services: readonly CatalogService[]) {
  const all = services.flatMap(({ instances }) => instances);
  return Object.fromEntries(
    all.flatMap(({ allocId: id, allocation: facts }): [string, AllocationFacts][] =>
      facts === undefined ? [] : [[id, facts]],
    ),
  );
}

function withServices(picture: Picture, given: readonly CatalogService[]): Picture {
  const { catalog } = picture;
  const services = [...given].sort((x, y) =>
    x.namespace + x.name < y.namespace + y.name ? -1 : 1,
  );
  const unreadable = (catalog.unreadable ?? []).filter((one) => services.every(isOther(one)));
  const allocations = allocationsOf(services);
  return {
    ...picture,
    catalog: { ...catalog, index: catalog.index + 1, services, unreadable, allocations },
  };
}

function withInstances(
  at: number,
  change: (instances: readonly CatalogInstance[]) => readonly CatalogInstance[],
): Move {
  return (picture) => {
    const { services } = picture.catalog;
    const changed = services.map((one, index) =>
      index === at ? { ...one, instances: change(one.instances) } : one,
    );
    return withServices(picture, changed);
  };
}

const catalogMoves: readonly fc.Arbitrary<Move>[] = [
  someService.map((one): Move => (picture) => {
    const others = picture.catalog.services.filter(isOther(one));
    return withServices(picture, [...others, one]);
  }),
  fc.nat(5).map((at): Move => (picture) => {
    const { services } = picture.catalog;
    return withServices(
      picture,
      services.filter((_, index) => index !== at),
    );
  }),
  fc
    .tuple(fc.nat(5), fc.nat(3))
    .map(([at, which]) => withInstances(at, (all) => all.filter((_, index) => index !== which))),
  fc.tuple(fc.nat(5), fc.nat(3), fc.constantFrom(...states)).map(([at, which, state]) => {
    const [clientStatus, desiredStatus] = state;
    return withInstances(at, (all) =>
      all.map((one, index) => {
        if (index !== which || one.allocation === undefined) return one;
        return { ...one, allocation: { ...one.allocation, clientStatus, desiredStatus } };
      }),
    );
  }),
  fc
    .tuple(fc.nat(5), fc.nat(3))
    .map(([at, which]) =>
      withInstances(at, (all) =>
        all.map((one, index) =>
          index === which ? { ...one, port: one.port + 1, createIndex: one.createIndex + 1 } : one,
        ),
      ),
    ),
  fc.nat(5).map((at): Move => (picture) => {
    const { catalog } = picture;
    const one = catalog.services[at];
    if (one === undefined) return { ...picture, catalog: { ...catalog, unreadable: [] } };
    const services = catalog.services.filter(isOther(one));
    const unreadable = [{ ...one, instances: [], reason: 'HTTP 500' }];
    return { ...picture, catalog: { ...catalog, services, unreadable } };
  }),
  fc
    .constantFrom<Partial<Picture['catalog']>>(
      { trust: { removals: 'allowed' } },
      { trust: { removals: 'held', reason: 'torn', torn: true } },
      { trust: { removals: 'held', reason: 'nothing there' } },
      { missing: [idOf('aw1')] },
      { missing: [] },
      { index: 9000 },
      { allocations: {} },
      { services: [], allocations: {} },
    )
    .map((given): Move => (picture) => ({ ...picture, catalog: { ...picture.catalog, ...given } })),
];

type SomeSettings = { readonly [K in keyof Settings]?: Partial<Settings[K]> };

function withSettings(given: SomeSettings): Move {
  return (picture) => {
    const own = picture.settings as unknown as Readonly<Record<string, object>>;
    const parts = Object.entries(given).map(([key, part]) => [key, { ...own[key], ...part }]);
    return {
      ...picture,
      settings: { ...picture.settings, ...(Object.fromEntries(parts) as Partial<Settings>) },
    };
  };
}

const strict = {
  domains: ['*.io', 'x.io', 'z.io'],
  backends: ['pool'],
  features: ['regex', 'hostless', 'check'] as const,
  grants: [{ host: 'x.io', path: '/p', to: 'b' }],
};

function withPolicy(policy: Partial<PolicySettings>): Move {
  return (picture) => ({
    ...picture,
    settings: { ...picture.settings, policy: { ...openPolicy, ...policy } },
  });
}

const settingsReloads = fc.constantFrom<Move>(
  (picture) => ({ ...picture, settings: { ...picture.settings } }),
  (picture) => ({ ...picture, settings: structuredClone(picture.settings) }),
  (picture) => ({ ...picture, settings }),
);

const settingsMoves = fc.constantFrom<Move>(
  ...syncPolicies.map((policy) => withSettings({ sync: { policy } })),
  withSettings({ limits: { regexesTotal: 0 } }),
  withSettings({ limits: { regexesTotal: 100, regexSteps: 100 } }),
  withSettings({ limits: { serversPerBackend: 1 } }),
  withSettings({ limits: { serversPerBackend: 3 } }),
  withSettings({ limits: { serversTotal: 6 } }),
  withSettings({ limits: { serversTotal: 20 } }),
  withSettings({ limits: { domainsPerService: 1, tagsPerService: 3 } }),
  withSettings({ limits: { checkIntervalMs: 20_000 } }),
  withSettings({ limits: settings.limits }),
  withSettings({ slots: { spareMin: 0, spareFactor: 0 } }),
  withSettings({ slots: { spareMin: 3, spareFactor: 1 } }),
  withSettings({ routing: { mode: 'rules' } }),
  withSettings({ routing: { mode: 'map' } }),
  withSettings({ routing: { position: 'after' } }),
  withSettings({ routing: { mapFile: '/maps/hosts.map' } }),
  withSettings({ ownership: { adopt: true } }),
  withSettings({ ownership: { adopt: false } }),
  withSettings({ checks: { fromJobSpec: false } }),
  withSettings({ checks: { fromJobSpec: true, intervalMs: 3000 } }),
  withSettings({ checks: { probe: false } }),
  withSettings({ guard: { allowRemovals: true } }),
  withSettings({ guard: { allowRemovals: false, tracelessHoldMs: 20_000 } }),
  withSettings({ guard: { maxRemovalPercent: 100 } }),
  withSettings({ haproxy: { frontends: ['http_front', 'other_front'] } }),
  withSettings({ haproxy: { frontends: ['http_front'], drainTimeoutMs: 1000 } }),
  withSettings({ haproxy: { backendStrategy: 'create_new' } }),
  withSettings({ tags: { prefix: 'other' } }),
  withSettings({ tags: { prefix: 'haproxy' } }),
  withPolicy({ reservedDomains: ['x.io'] }),
  withPolicy({ protectedBackends: ['pool'], protectedFrontends: ['other_front'] }),
  withPolicy({ mode: 'strict', namespaces: { a: strict, b: { ...strict, grants: [] } } }),
  withPolicy({ grants: [{ host: 'x.io', to: 'b' }] }),
  withPolicy({ checkMethods: ['POST'], allowedAddresses: ['10.0.0.0/8'], customWeight: 5 }),
  withPolicy({ claimGraceMs: 1000 }),
  withPolicy({}),
);

const files = ['x.io', 'z.io'].map((host) => ({
  name: 'legacy',
  targets: [{ address: '10.9.9.9', port: 80 }],
  tags: [`domain=${host}`],
}));

const haproxyAt = { what: 'HAProxy', host: '10.0.0.2', addresses: ['10.0.0.2'], port: 20_001 };

function asking(desired: Partial<DesiredInput>): Move {
  return (picture) => ({ ...picture, desired: { ...picture.desired, ...desired } });
}

function planning(plan: Partial<PlanInput>): Move {
  return (picture) => ({ ...picture, plan: { ...picture.plan, ...plan } });
}

const knowledgeMoves = fc.constantFrom<Move>(
  asking({ routeFiles: [] }),
  asking({ routeFiles: files.slice(0, 1) }),
  asking({ routeFiles: files.slice(1) }),
  asking({ endpoints: [] }),
  asking({ endpoints: [haproxyAt] }),
  asking({ endpoints: [{ ...haproxyAt, besideHaproxy: true }] }),
  asking({ rejected: {} }),
  (picture, { desired: { backends } }) => {
    const some = backends.slice(0, 1).map(({ service: label, fingerprint }) => {
      return [label, { fingerprint, reason: 'refused' }] as const;
    });
    return asking({ rejected: Object.fromEntries(some) })(picture, {} as Passed);
  },
  planning({ hidden: [] }),
  planning({ hidden: ['a'] }),
  planning({ ended: [] }),
  planning({ ended: [idOf('aw1'), idOf('bs2')] }),
  planning({ unstable: {} }),
  planning({ unstable: { nomad_a_web: 'reads back differently' } }),
  planning({ reloadWaits: true }),
  planning({ reloadWaits: false }),
  planning({ refused: { wanted: 200, limit: 150, reserve: 10 } }),
  (picture) => {
    const { refused: _, ...plan } = picture.plan;
    return { ...picture, plan };
  },
  (picture) => planning({ idle: idleSlots(picture.actual) })(picture, {} as Passed),
  planning({ idle: new Set<string>() }),
  (picture, { desired }) => {
    const keys = probesOf({ ...picture, desired }, []).map(({ key }) => key);
    return planning({ passed: new Set(keys) })(picture, {} as Passed);
  },
  planning({ passed: new Set<string>() }),
);

function withBackends(change: (backend: ActualBackend, at: number) => ActualBackend): Move {
  return ({ actual, ...picture }) => {
    const all = Object.values(actual.backends).map((one, at) => [one.name, change(one, at)]);
    const backends = Object.fromEntries(all) as ActualState['backends'];
    return { ...picture, actual: { ...actual, backends } };
  };
}

function withActual(change: (actual: ActualState) => Partial<ActualState>): Move {
  return (picture) => ({
    ...picture,
    actual: { ...picture.actual, ...change(picture.actual) },
  });
}

const other = { name: 'web_10_0_0_1_20001', address: '10.0.0.1', port: 20_001, weight: 10 };
const runtime = { address: '10.0.0.1', port: 20_001, admin: 'ready', operational: 'up' } as const;

/** An operator's edits, a crash, and another process. */
const actualMoves: readonly fc.Arbitrary<Move>[] = [
  someDrift.map((drift): Move => (picture) => ({ ...picture, actual: drift(picture.actual) })),
  fc.constantFrom<Move>(
    (picture) => ({ ...picture, actual: structuredClone(picture.actual) }),
    withActual(({ configVersion }) => ({ configVersion: configVersion + 1 })),
    withActual(() => ({ raw: 'frontend f\n  bind 10.0.0.1:20001\n  bind :20003\n' })),
    withActual(() => ({ raw: 'backend b\n  use_backend nomad_a_web if { always_true }\n' })),
    withActual(() => ({ raw: '' })),
    withActual(({ global }) => ({ global: { ...global, fdHardLimit: 200, maxConnections: 20 } })),
    withActual(() => ({ global: { hardStopAfter: true, serverStateFile: '/general/state' } })),
    withActual(({ haproxy }) => ({ haproxy: { ...haproxy, maxSockets: 190, openFiles: 200 } })),
    withActual(() => ({ haproxy: { version: '3.0.11', pid: 4712 } })),
    withActual(() => ({ peers: { name: 'p', exists: true } })),
    withActual(() => ({ maps: {} })),
    withActual(({ maps }) => {
      const some = Object.entries(maps).map(([name, { entries: _, ...one }]) => [name, one]);
      return { maps: Object.fromEntries(some) as ActualState['maps'] };
    }),
    withActual(({ maps }) => {
      const stored = { 'x.io': 'pool' };
      const some = Object.entries(maps).map(([name, one]) => [name, { ...one, stored }]);
      return { maps: Object.fromEntries(some) as ActualState['maps'] };
    }),
    withActual(({ frontends }) => {
      const { other_front: _, ...rest } = frontends;
      return { frontends: rest };
    }),
    withActual(({ frontends }) => ({
      frontends: { ...frontends, other_front: frontend('other_front') },
    })),
    withActual(({ backends }) => {
      const { pool: _, ...rest } = backends;
      return { backends: rest };
    }),
    withActual(({ backends }) => ({ backends: { ...backends, pool: operatorBackend('pool') } })),
    withActual(({ backends }) => ({
      backends: { ...backends, web: { ...operatorBackend('web'), others: [other] } },
    })),
    withActual(({ backends }) => ({
      backends: {
        ...backends,
        web: { ...operatorBackend('web'), others: [{ ...other, runtime }] },
      },
    })),
    withActual(({ backends }) => ({
      backends: { ...backends, nomad_a_web: operatorBackend('nomad_a_web') },
    })),
    withBackends((one, at) => (at === 3 ? { ...one, outOfScope: ['c/web'] } : one)),
    withBackends((one, at) => (one.ours && at === 4 ? { ...one, section: { mode: 'http' } } : one)),
    withBackends((one) => ({ ...one, others: [{ ...other, name: 'hand', runtime }] })),
    withBackends(({ outOfScope: _, others: __, ...one }) => one),
  ),
];

/** What the model can apply of a plan made of a part of the state; checks pass with `after`. */
function applied(after: (actual: ActualState) => ActualState): Move {
  return (picture, { desired: { claims }, plan }) => {
    const { prefix } = picture.settings.ownership;
    const desired = { ...picture.desired, ...(claims && { claims }) };
    try {
      return { ...picture, desired, actual: after(applyToModel(picture.actual, plan, prefix)) };
    } catch {
      return picture;
    }
  };
}

const timeMoves = fc
  .constantFrom(0, 1, 40, 3600, 90 * 86_400)
  .map((seconds): Move => (picture) => ({ ...picture, now: picture.now + seconds }));

const claimMoves = fc.constantFrom<Move>(
  (picture, { desired: { claims } }) => asking(claims ? { claims } : {})(picture, {} as Passed),
  (picture, { desired: { claims } }) =>
    asking(claims ? { claims: structuredClone(claims) } : {})(picture, {} as Passed),
  asking({ claims: recordOf({}) }),
);

export const moves: fc.Arbitrary<Move> = fc.oneof(
  ...catalogMoves.map((arbitrary) => ({ weight: 3, arbitrary })),
  { weight: 15, arbitrary: fc.constant(applied(settle)) },
  { weight: 5, arbitrary: fc.constant(applied((actual) => actual)) },
  { weight: 5, arbitrary: settingsMoves },
  { weight: 2, arbitrary: settingsReloads },
  { weight: 3, arbitrary: knowledgeMoves },
  ...actualMoves.map((arbitrary) => ({ weight: 2, arbitrary })),
  { weight: 2, arbitrary: timeMoves },
  { weight: 2, arbitrary: claimMoves },
);

const empty: Picture = {
  catalog: catalogOf(),
  settings,
  actual: actualState(
    [operatorBackend('pool'), operatorBackend('legacy'), operatorBackend('static')],
    {
      frontends: {
        http_front: frontend('http_front'),
        other_front: frontend('other_front'),
        tls_front: frontend('tls_front', { mode: 'tcp' }),
        raw_front: frontend('raw_front', { mode: 'tcp' }),
      },
      maps: {
        hosts: { file: '/maps/hosts.map', entries: { 'old.x.io': 'static', 'y.x.io': 'pool' } },
      },
    },
  ),
  now,
  desired: {},
  plan: {},
};

/** Before the first pass. */
export const firstPicture: fc.Arbitrary<Picture> = fc
  .uniqueArray(someService, { selector: ({ namespace, name }) => namespace + name, maxLength: 6 })
  .map((services) => withServices(empty, services));

export function desiredInput({ catalog, settings: own, actual, now: seconds, desired }: Picture) {
  const facts = factsOf(actual, own.ownership);
  return { catalog, settings: own, facts, now: seconds * 1000, ...desired };
}

/** `last`: what the next pass knows of the last one. */
export function planInput(picture: Picture, desired: DesiredState, last?: Plan): PlanInput {
  const { catalog, settings: own, actual, now: seconds, plan } = picture;
  const held = last?.held?.releasable === true ? { confirms: last.held } : {};
  return {
    ...{ catalog, desired, actual, settings: own, now: seconds },
    ...{ idle: new Set<string>(), hidden: [], unstable: {} },
    ...held,
    ...(last === undefined ? {} : { absences: last.absences }),
    ...plan,
  };
}
