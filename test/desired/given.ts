import type { Settings } from '../../src/config/types.js';
import { buildDesired } from '../../src/desired/build.js';
import type { DesiredBackend, DesiredInput, DesiredState } from '../../src/desired/types.js';
import type {
  AllocationFacts,
  Catalog,
  CatalogInstance,
  CatalogService,
  CheckSpec,
  ServiceDeclaration,
} from '../../src/observe/types.js';

/** What a test doesn't care about, so that it shows only what it does care about. */
export const settings: Settings = {
  nomad: {
    address: 'http://127.0.0.1:4646',
    namespace: '*',
    skipVerify: false,
    requestTimeoutMs: 10_000,
  },
  haproxy: {
    backendStrategy: 'use_existing',
    drainTimeoutMs: 30_000,
    frontends: ['http_front'],
  },
  targets: [
    {
      name: 'default',
      address: 'http://127.0.0.1:5555',
      username: 'admin',
      password: 'secret',
      requestTimeoutMs: 10_000,
    },
  ],
  rollout: { settleMs: 0, maxParallel: 1 },
  tags: { prefix: 'haproxy' },
  ownership: { prefix: 'nomad_', adopt: false },
  routing: { mode: 'map', position: 'before', mapName: 'nomad' },
  checks: { fromJobSpec: true, intervalMs: 10_000, timeoutMs: 5000, rise: 1, fall: 3, probe: true },
  slots: { spareFactor: 1, spareMin: 2 },
  guard: { maxRemovalPercent: 50, tracelessHoldMs: 0, allowRemovals: false },
  sync: {
    policy: 'sync',
    resyncIntervalMs: 30_000,
    debounceMs: 50,
    debounceMaxMs: 500,
    fullReadIntervalMs: 300_000,
    backoffMinMs: 100,
    backoffMaxMs: 30_000,
  },
  limits: {
    nameBytes: 255,
    tagsPerService: 1000,
    tagBytes: 4096,
    tagsBytes: 524_288,
    domainsPerService: 500,
    pathsPerService: 100,
    routesPerService: 1000,
    regexesPerService: 10,
    regexesTotal: 100,
    regexSteps: 4_000_000,
    serversPerBackend: 1000,
    checkIntervalMs: 500,
    reloadIntervalMs: 1000,
    answerBytes: 134_217_728,
    objectBytes: 4_194_304,
  },
  routes: {},
  http: { host: '127.0.0.1', port: 8080, enabled: true },
  log: { level: 'info' },
};

export function catalogOf(...services: readonly CatalogService[]): Catalog {
  const trust = { removals: 'allowed' } as const;
  return { index: 1, services, allocations: {}, missing: [], trust, warnings: [] };
}

export function service(name: string, given: Partial<CatalogService> = {}): CatalogService {
  const claimedAt = given.declarations?.[0]?.jobCreateIndex ?? 10;
  return { namespace: 'default', name, instances: [], declarations: [], claimedAt, ...given };
}

type GivenInstance = Partial<Omit<CatalogInstance, 'allocation' | 'spec'>> & {
  readonly allocation?: Partial<AllocationFacts> | null;
  readonly checks?: readonly CheckSpec[] | 'unreadable';
};

let last = 0;

export function instance(given: GivenInstance = {}): CatalogInstance {
  const { allocation, checks = [], ...rest } = given;
  const number = ++last;
  const facts: AllocationFacts = {
    namespace: 'default',
    jobId: 'web',
    jobVersion: 0,
    clientStatus: 'running',
    desiredStatus: 'run',
    canary: false,
    createIndex: 100,
    ...allocation,
  };
  return {
    id: `instance-${number}`,
    jobId: 'web',
    allocId: `alloc-${number}`,
    address: '10.0.0.1',
    port: 20_000 + number,
    tags: ['haproxy.enable=true'],
    createIndex: 100,
    spec:
      checks === 'unreadable'
        ? { status: 'unreadable', reason: 'job not found' }
        : { status: 'known', checks, shutdownDelayMs: 0 },
    ...(allocation === null ? {} : { allocation: facts }),
    ...rest,
  };
}

export function declaration(given: Partial<ServiceDeclaration> = {}): ServiceDeclaration {
  return {
    jobId: 'web',
    jobCreateIndex: 10,
    group: 'web',
    count: 0,
    tags: ['haproxy.enable=true'],
    checks: [],
    ...given,
  };
}

export function checkSpec(type: string, given: Partial<CheckSpec> = {}): CheckSpec {
  const times = { intervalMs: 7000, timeoutMs: 3000 };
  return { name: `${type} check`, type, headers: {}, tlsSkipVerify: false, ...times, ...given };
}

/** Tags of an instance that opted in. */
export function enabled(...tags: readonly string[]): string[] {
  return ['haproxy.enable=true', ...tags.map((tag) => `haproxy.${tag}`)];
}

export function desired(
  services: readonly CatalogService[],
  more: Partial<DesiredInput> = {},
): DesiredState {
  return buildDesired({ catalog: catalogOf(...services), settings, ...more });
}

/** The one backend of a service `web` whose one instance has these tags. */
export function backendFor(
  tags: readonly string[],
  checks?: readonly CheckSpec[],
  more: Partial<DesiredInput> = {},
): DesiredBackend {
  const given = { tags: enabled(...tags), ...(checks === undefined ? {} : { checks }) };
  return onlyBackend(desired([service('web', { instances: [instance(given)] })], more));
}

export function onlyBackend(state: DesiredState): DesiredBackend {
  const [backend, ...others] = state.backends;
  if (backend === undefined || others.length > 0) {
    throw new Error(`expected one backend: ${JSON.stringify({ ...state, routes: [] })}`);
  }
  return backend;
}
