import { type Binding, parking } from '../../src/haproxy/slots.js';
import type {
  ActualBackend,
  ActualFrontend,
  ActualSlot,
  ActualState,
} from '../../src/actual/types.js';
import type { Settings } from '../../src/config/types.js';
import type {
  DesiredBackend,
  DesiredRoute,
  DesiredState,
  Endpoint,
} from '../../src/desired/types.js';
import { plan, type PlanInput } from '../../src/diff/plan/plan.js';
import type { StepOf } from '../../src/diff/dispatch.js';
import type { Plan, Step } from '../../src/diff/types.js';
import type { AllocationFacts } from '../../src/observe/types.js';
import { settings as base } from '../desired/given.js';

/** What a test doesn't care about, so that it shows only what it does care about. */
export const settings: Settings = base;

/** Unix seconds. */
export const now = 1_700_000_000;

export const checkedSection = {
  balance: { algorithm: 'roundrobin' },
  default_server: { check: 'enabled', inter: 10_000, rise: 1, fall: 3 },
  mode: 'http',
} as const;

/** An allocation's id, the same for the same name. */
export function allocId(name: string): string {
  const hex = Buffer.from(name).toString('hex').padEnd(12, '0').slice(0, 12);
  return `00000000-0000-4000-8000-${hex}`;
}

/** A registration's id, as Nomad makes it. */
export function idOf(name: string): string {
  return `_nomad-task-${allocId(name)}-group-web-web-http`;
}

export function endpoint(name: string, given: Partial<Endpoint> = {}): Endpoint {
  return {
    id: idOf(name),
    createIndex: 100,
    address: '10.0.0.1',
    port: 20_000 + name.charCodeAt(0),
    weight: 100,
    phase: 'serve',
    terminal: false,
    ...given,
  };
}

export function backend(name: string, given: Partial<DesiredBackend> = {}): DesiredBackend {
  return {
    kind: 'dynamic',
    name: `nomad_${name}`,
    service: `default/${name}`,
    slotPrefix: `nomad_${name}`,
    section: checkedSection,
    serverFields: {},
    keepCheck: false,
    hasCheck: true,
    checkSummary: 'check GET /health every 10s',
    origins: {},
    endpoints: [],
    strategy: 'use_existing',
    fingerprint: name,
    ...given,
  };
}

/** Servers of ours in the operator's backend `pool`. */
export function customBackend(name: string, given: Partial<DesiredBackend> = {}): DesiredBackend {
  const serverFields = { check: 'enabled', inter: 10_000 };
  return backend(name, { kind: 'custom', name: 'pool', section: {}, serverFields, ...given });
}

export function route(host: string, given: Partial<DesiredRoute> = {}): DesiredRoute {
  const common = { mode: 'http', frontends: ['http_front'], service: 'default/web' } as const;
  return { match: 'exact', host, backend: 'nomad_web', ...common, ...given };
}

export function desiredState(
  backends: readonly DesiredBackend[] = [],
  routes: readonly DesiredRoute[] = [],
  given: Partial<DesiredState> = {},
): DesiredState {
  return { backends, routes, skipped: [], kept: [], warnings: [], ...given };
}

export type GivenSlot = Omit<Partial<ActualSlot>, 'binding'> & {
  /** An instance's name, or a whole binding. */
  readonly binding?: string | Binding;
};

/** A free slot, or one that serves an instance and is UP. */
export function slot(name: string, given: GivenSlot = {}): ActualSlot {
  const { binding, config, ...rest } = given;
  const common = { name, service: 'default/web', fields: {} };
  if (binding === undefined) {
    const runtime = { address: '127.0.0.1', port: 9, admin: 'maint', operational: 'down' } as const;
    return { ...common, config: { ...parking, ...config }, runtime, ...rest };
  }
  const bound = typeof binding === 'string' ? endpoint(binding) : undefined;
  const { address, port } = config ?? bound ?? { address: '10.0.0.1', port: 20_000 };
  const whole = typeof binding === 'string' ? { id: idOf(binding), createIndex: 100 } : binding;
  const draining = whole.drainingSince !== undefined;
  const defaults = { address, port, disabled: draining, weight: 100, checkPort: port };
  return {
    ...common,
    binding: whole,
    config: config ?? defaults,
    runtime: { address, port, admin: draining ? 'drain' : 'ready', operational: 'up' },
    ...rest,
  };
}

/** `slot`, but draining since `seconds` ago. */
export function drainingSlot(name: string, instance: string, seconds: number): ActualSlot {
  const id = idOf(instance);
  const { address, port } = endpoint(instance);
  const config = { address, port, disabled: true, weight: 100, checkPort: port };
  return slot(name, { binding: { id, createIndex: 100, drainingSince: now - seconds }, config });
}

export function actualBackend(name: string, given: Partial<ActualBackend> = {}): ActualBackend {
  return {
    name: `nomad_${name}`,
    ours: true,
    service: `default/${name}`,
    section: checkedSection,
    mode: 'http',
    slots: [],
    hasDefaultServer: true,
    ...given,
  };
}

/** A backend of the operator's. */
export function operatorBackend(
  name: string,
  slots: readonly ActualSlot[] = [],
  mode = 'http',
): ActualBackend {
  return { name, ours: false, section: {}, mode, slots, hasDefaultServer: false };
}

export function frontend(name: string, given: Partial<ActualFrontend> = {}): ActualFrontend {
  return {
    name,
    mode: 'http',
    acls: [],
    rules: [],
    httpRequestRules: [],
    idleCloseOnResponse: true,
    ...given,
  };
}

export function actualState(
  backends: readonly ActualBackend[] = [],
  given: Partial<ActualState> = {},
): ActualState {
  return {
    dataplane: { url: 'http://127.0.0.1:5555' },
    haproxy: { version: '3.0.11', pid: 4711 },
    configVersion: 57,
    raw: '',
    backends: Object.fromEntries(backends.map((one) => [one.name, one])),
    frontends: { http_front: frontend('http_front') },
    maps: {},
    marker: {},
    global: { hardStopAfter: true, serverStateFile: '/general/state' },
    ...given,
  };
}

export function allocation(given: Partial<AllocationFacts> = {}): AllocationFacts {
  return {
    namespace: 'default',
    jobId: 'web',
    jobVersion: 0,
    clientStatus: 'running',
    desiredStatus: 'run',
    canary: false,
    createIndex: 100,
    ...given,
  };
}

/** By names of instances. */
export function allocations(
  given: Readonly<Record<string, Partial<AllocationFacts>>>,
): Record<string, AllocationFacts> {
  return Object.fromEntries(
    Object.entries(given).map(([name, facts]) => [allocId(name), allocation(facts)]),
  );
}

export function catalog(given: Partial<PlanInput['catalog']> = {}): PlanInput['catalog'] {
  return { index: 8812, allocations: {}, missing: [], trust: { removals: 'allowed' }, ...given };
}

export function input(
  desired: DesiredState,
  actual: ActualState,
  given: Partial<PlanInput> = {},
): PlanInput {
  return {
    catalog: catalog(),
    desired,
    actual,
    settings,
    now,
    idle: new Set(),
    hidden: [],
    unstable: {},
    ...given,
  };
}

export function planFor(
  desired: DesiredState,
  actual: ActualState,
  given: Partial<PlanInput> = {},
): Plan {
  return plan(input(desired, actual, given));
}

export function stepsOf<K extends Step['kind']>(
  { steps }: Plan,
  ...kinds: readonly K[]
): StepOf<K>[] {
  const wanted: readonly string[] = kinds;
  return steps.filter((step) => wanted.includes(step.kind)) as StepOf<K>[];
}

export function kindsOf({ steps }: Plan): string[] {
  return [...new Set(steps.map(({ kind }) => kind))];
}

type Given = Pick<Settings, 'haproxy' | 'ownership' | 'routing' | 'slots' | 'guard'>;
type SomeSettings = { readonly [K in keyof Given]?: Partial<Given[K]> };

export function withSettings(given: SomeSettings): Settings {
  return {
    ...settings,
    haproxy: { ...settings.haproxy, ...given.haproxy },
    ownership: { ...settings.ownership, ...given.ownership },
    routing: { ...settings.routing, ...given.routing },
    slots: { ...settings.slots, ...given.slots },
    guard: { ...settings.guard, ...given.guard },
  };
}
