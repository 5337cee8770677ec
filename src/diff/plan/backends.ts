import { mapNames } from '../../haproxy/map-names.js';
import type { ActualBackend, ActualState } from '../../actual/types.js';
import { planFailed } from '../../desired/plan-failed.js';
import type { DesiredBackend, Endpoint, SkipCode, Skipped } from '../../desired/types.js';
import { type JsonObject, textAt } from '../../shared/json.js';
import type { Sliced } from '../../shared/slices.js';
import { adoptedBackendSteps, type Adoption } from '../complete/adopt.js';
import { type BackendContext, type BackendPlan, deletion } from './backend-plan.js';
import { serverCheckOf } from '../complete/check-fields.js';
import { isBackendChange, isSlotStep, isStructural } from '../dispatch.js';
import { planCustomBackend } from './custom-backend.js';
import type { Entries } from './entries.js';
import type { PlanInput } from './input.js';
import { type PlanMemory, rememberedPlans } from './memory.js';
import { asItStands, keptBackend, onStandingSection } from './kept-backend.js';
import { planBackend } from './own-backend.js';
import { keepReferenced } from './referenced.js';
import type { Routing } from './routes.js';
import { backendsIn } from './server-facts.js';
import { skippedServices, type Standing, standingOf } from './skipped.js';
import { beforeOf } from './slot-steps.js';
import type { Held, Problem, Step } from '../types.js';

export interface BackendsPlan {
  readonly slots: readonly Step[];
  readonly structural: readonly Step[];
  readonly structures: readonly JsonObject[];
  /** Desired entries of the check and canary maps, if any service needs them. */
  readonly serverMaps: Routing['maps'];
  /** Backends that will exist after the pass. */
  readonly live: ReadonlySet<string>;
  /** Instances that stay bound, in any backend. */
  readonly staying: readonly string[];
  readonly problems: readonly Problem[];
  /** Services whose backend can't be planned: the plan is void, and has to be made without them. */
  readonly failed: readonly Skipped[];
}

/** Plans every backend: desired, kept or removed. */
export function* planBackends(
  input: PlanInput,
  kept: KeptPlaces,
  adoption: Adoption,
  context: BackendContext,
  memory: PlanMemory,
): Sliced<BackendsPlan> {
  const { desired, unstable } = input;
  const standing = keptBackends(input, kept, context);
  const planned = standing.map((backend) => planEither(backend, input, context));
  const failed: Skipped[] = [];
  const again = rememberedPlans(memory, context, (one, actual) => planOne(one, actual, context));
  for (const backend of desired.backends) {
    const { name } = backend;
    const isNew = adoption.backends.size > 0 || unstable[name] !== undefined;
    try {
      const there = input.actual.backends[name];
      planned.push(isNew ? planEither(backend, input, context) : again(backend, there));
    } catch (error) {
      failed.push(planFailed(backend.service, error));
    }
    yield;
  }
  yield;
  const live = new Set([...kept.own, ...desired.backends.map(({ name }) => name)]);
  const removals = planRemovals(input, kept, live, context.slots.held);
  const referenced = keepReferenced(input, removals, context);
  planned.push(...referenced.planned);
  yield;
  const steps = [
    ...planned.flatMap((one) => one.steps),
    ...referenced.removals,
    ...adoptedBackendSteps(adoption),
  ];
  yield;
  const serverMaps = serverMapsOf(input, planned);
  yield;
  return {
    slots: steps.filter(isSlotStep),
    structural: steps.filter(isStructural),
    structures: planned.map((one) => one.structure).sort(byName),
    serverMaps,
    staying: planned.flatMap((one) => one.staying),
    live,
    problems: [...unstableProblems(input), ...referenced.problems],
    failed,
  };
}

function planEither(
  backend: DesiredBackend,
  { actual, unstable }: PlanInput,
  context: BackendContext,
): BackendPlan {
  const there = actual.backends[backend.name];
  const stuck = unstable[backend.name] !== undefined;
  return stuck ? planUnstable(backend, there, context) : planOne(backend, there, context);
}

function unstableProblems({ desired, unstable }: PlanInput): Problem[] {
  if (Object.keys(unstable).length === 0) return [];
  return desired.backends.flatMap(({ name }): Problem[] => {
    const message = unstable[name];
    return message === undefined ? [] : [{ code: 'unstable-backend', message }];
  });
}

/** Plans skipped services and what the guard holds. */
function keptBackends(
  { actual, catalog, desired }: PlanInput,
  { own, standing }: KeptPlaces,
  { checkFiles }: BackendContext,
): DesiredBackend[] {
  const services = new Map(desired.kept.map((one) => [one.service, one]));
  const skipped = new Set(standing.map(({ backend }) => backend.name));
  const held = [...own].filter((name) => !skipped.has(name));
  return [
    ...held
      .flatMap((name) => actual.backends[name] ?? [])
      .map((backend) => asItStands(backend, catalog.allocations)),
    ...standing.map((one) =>
      keptBackend(one, services.get(one.service), catalog.allocations, checkFiles),
    ),
  ];
}

/** A map that is no longer needed is emptied. */
function serverMapsOf({ actual, settings }: PlanInput, planned: readonly BackendPlan[]) {
  const names = mapNames(settings.routing);
  const maps = [
    [names['check-path'], entriesOf(planned, ({ checks }) => checks.paths)],
    [names['check-host'], entriesOf(planned, ({ checks }) => checks.hosts)],
    [names.canary, entriesOf(planned, ({ canaries }) => canaries)],
  ] as const;
  const canariesAreRead = planned.some(({ canaries }) => canaries !== undefined);
  const used = maps.filter(
    ([name, entries]) =>
      Object.keys(entries).length > 0 ||
      actual.maps[name]?.entries !== undefined ||
      (name === names.canary && canariesAreRead),
  );
  return Object.fromEntries(used);
}

/** Most backends have none. */
function entriesOf(
  planned: readonly BackendPlan[],
  of: (plan: BackendPlan) => Entries | undefined,
): Entries {
  const all: [string, string][] = [];
  for (const one of planned) {
    const entries = of(one);
    if (entries !== undefined) for (const key in entries) all.push([key, entries[key] ?? '']);
  }
  return Object.fromEntries(all);
}

function byName(a: JsonObject, b: JsonObject): number {
  return textAt(a, 'name') < textAt(b, 'name') ? -1 : 1;
}

/**
 * A backend that read back differently isn't rewritten. Its instances use the existing section.
 * Only if that has too few servers, it is written as it was read, with more.
 */
function planUnstable(
  desired: DesiredBackend,
  actual: ActualBackend | undefined,
  context: BackendContext,
): BackendPlan {
  const wanted = planOne(desired, actual, context);
  if (actual?.ours !== true || desired.kind !== 'dynamic') {
    return { ...wanted, steps: wanted.steps.filter((step) => !isBackendChange(step)) };
  }
  const standing = onStandingSection(desired, actual, context.checkFiles);
  const { structure, ...planned } = planBackend(standing, actual, context);
  // The marker's hash covers the section that was written.
  const { section = {} } = wanted.structure;
  return { ...planned, structure: { ...structure, section } };
}

function planOne(
  wanted: DesiredBackend,
  actual: ActualBackend | undefined,
  context: BackendContext,
): BackendPlan {
  if (actual === undefined) return planBackend(wanted, actual, context);
  const desired = context.policy === 'create-only' ? asCreated(wanted, actual, context) : wanted;
  if (desired.kind === 'custom') return planCustomBackend(desired, actual, context);
  if (actual.ours || context.adopt) return planBackend(desired, actual, context);
  const serverFields = serverCheckOf(desired.section);
  const endpoints = desired.endpoints.map(amongOthers);
  return planCustomBackend({ ...desired, serverFields, endpoints }, actual, context);
}

/** `create-only`: the section, or the fields of our servers, as they were made. */
function asCreated(
  desired: DesiredBackend,
  actual: ActualBackend,
  { checkFiles }: BackendContext,
): DesiredBackend {
  if (actual.ours) return onStandingSection(desired, actual, checkFiles);
  const first = actual.slots.find(({ service }) => service === desired.service);
  if (first === undefined) return desired;
  const hasCheck = first.fields['check'] === 'enabled';
  return { ...desired, serverFields: first.fields, keepCheck: false, hasCheck };
}

/** Our default of 100 would starve the operator's servers, as HAProxy's default is 1. */
function amongOthers(endpoint: Endpoint): Endpoint {
  return endpoint.isUsualWeight === true ? { ...endpoint, weight: 1 } : endpoint;
}

function planRemovals(
  { actual, desired }: PlanInput,
  { standing }: KeptPlaces,
  live: ReadonlySet<string>,
  held: ReadonlySet<string>,
): Step[] {
  const others = backendsIn(actual).filter(({ ours, name }) => !ours || !live.has(name));
  if (others.length === 0) return [];
  const stay = standing.map(({ backend: { name }, service }) => ({ name, service }));
  const pairs = new Set([...desired.backends, ...stay].map((one) => `${one.name} ${one.service}`));
  return sorted(others).flatMap((backend): Step[] => {
    if (!backend.ours) {
      return backend.slots
        .filter(({ service }) => !pairs.has(`${backend.name} ${service}`))
        .filter(({ binding }) => binding === undefined || !held.has(binding.id))
        .map((slot) => deletion(backend.name, slot));
    }
    return [
      {
        kind: 'delete-backend',
        route: 'transaction',
        reload: 'removed-backend',
        reason: `removed backend ${backend.name}`,
        backend: backend.name,
        service: backend.service ?? backend.name,
        before: backend.slots.map(beforeOf),
      },
    ];
  });
}

function sorted(backends: readonly ActualBackend[]): ActualBackend[] {
  return [...backends].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Kept without being desired: held by the guard, or its service is skipped. */
export interface KeptPlaces {
  /** Names of our backends. */
  readonly own: ReadonlySet<string>;
  readonly standing: readonly Standing[];
  /** Names of backends, also not ours, to which routes under our prefix still lead. */
  readonly routed: ReadonlySet<string>;
}

const unrouted: ReadonlySet<SkipCode | undefined> = new Set(['domain-claimed', 'policy']);

export function keptPlaces({ actual, desired }: PlanInput, held: Held | undefined): KeptPlaces {
  const wanted = new Set(desired.backends.map(({ name }) => name));
  const standing = standingOf(actual.backends, desired);
  const namesOf = (some: readonly Standing[]) => some.map(({ backend }) => backend.name);
  const isHeld = (name: string) => !wanted.has(name) && actual.backends[name]?.ours === true;
  const holds = (held?.backends ?? []).filter(isHeld);
  // The routes of a service that lost all its domains belong to others now, or are refused.
  const codes = skippedServices(desired);
  const routed = standing.filter(({ service }) => !unrouted.has(codes.get(service)));
  return {
    own: new Set([...holds, ...namesOf(standing.filter(({ backend }) => backend.ours))]),
    standing,
    routed: new Set([...holds, ...namesOf(routed), ...outOfScope(actual)]),
  };
}

/** Backends in which services under our prefix stand whose namespace is not in the settings. */
function outOfScope(actual: ActualState): string[] {
  return backendsIn(actual)
    .filter(({ outOfScope: some = [] }) => some.length > 0)
    .map(({ name }) => name);
}
