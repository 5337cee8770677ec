import { allocationOf, isOver } from '../../observe/catalog/model/allocation.js';
import { mapNames } from '../../haproxy/map-names.js';
import type { ActualBackend } from '../../actual/types.js';
import type { DesiredBackend, DesiredState, Endpoint, Skipped } from '../../desired/types.js';
import { ConnectorError } from '../../shared/errors.js';
import { type JsonObject, textAt } from '../../shared/json.js';
import { adoptedBackendSteps, type Adoption } from '../complete/adopt.js';
import { type BackendContext, type BackendPlan, deletion } from './backend-plan.js';
import { serverCheckOf } from '../complete/check-fields.js';
import { isBackendChange, isSlotStep, isStructural } from '../dispatch.js';
import { planCustomBackend } from './custom-backend.js';
import type { PlanInput } from './input.js';
import { asItStands, serversAsTheyStand } from './kept-backend.js';
import { planBackend } from './own-backend.js';
import type { Routing } from './routes.js';
import { beforeOf } from './slot-steps.js';
import type { Held, Problem, Step } from '../types.js';

export interface BackendsPlan {
  readonly slots: readonly Step[];
  readonly structural: readonly Step[];
  readonly structures: readonly JsonObject[];
  /** What the maps of checks and canaries should hold, where some service needs them. */
  readonly serverMaps: Routing['maps'];
  /** Backends that will be there to route to. */
  readonly live: ReadonlySet<string>;
  readonly skipped: readonly Skipped[];
  readonly problems: readonly Problem[];
}

/** Every backend that is desired, stays or goes. */
export function planBackends(
  input: PlanInput,
  kept: ReadonlySet<string>,
  adoption: Adoption,
  context: BackendContext,
): BackendsPlan {
  const { actual, catalog, desired, unstable } = input;
  const stay = [...kept].flatMap((name) => actual.backends[name] ?? []);
  const planned: BackendPlan[] = [
    ...stay.map((backend) =>
      planBackend(asItStands(backend, catalog.allocations), backend, context),
    ),
    ...keptServers(input).map(({ backend, service }) => {
      const standing = serversAsTheyStand(backend, service, catalog.allocations);
      return planCustomBackend(standing, backend, context);
    }),
  ];
  const skipped: Skipped[] = [];
  const problems: Problem[] = [];
  const live = new Set(kept);
  for (const backend of desired.backends) {
    const there = actual.backends[backend.name];
    const result = modeConflict(backend, there, desired) ?? planOne(backend, there, context);
    if ('skipped' in result) {
      skipped.push(result.skipped);
      continue;
    }
    live.add(backend.name);
    const stuck = unstable[backend.name];
    planned.push(stuck === undefined ? result : withoutReplacement(result));
    if (stuck !== undefined) problems.push({ code: 'unstable-backend', message: stuck });
  }
  const removals = planRemovals(input, live, context.slots.held);
  const steps = [
    ...planned.flatMap((one) => one.steps),
    ...removals,
    ...adoptedBackendSteps(adoption),
  ];
  return {
    slots: steps.filter(isSlotStep),
    structural: steps.filter(isStructural),
    structures: planned.map((one) => one.structure).sort(byName),
    serverMaps: serverMapsOf(input, planned),
    live,
    skipped,
    problems,
  };
}

/** A map that nobody needs any more is emptied, not forgotten. */
function serverMapsOf({ actual, settings }: PlanInput, planned: readonly BackendPlan[]) {
  const names = mapNames(settings.routing);
  const kinds = [
    [names['check-path'], planned.map(({ checks }) => checks.paths)],
    [names['check-host'], planned.map(({ checks }) => checks.hosts)],
    [names.canary, planned.map(({ canaries }) => canaries ?? {})],
  ] as const;
  const maps = kinds.map(([name, entries]) => [name, Object.assign({}, ...entries)] as const);
  const canariesAreRead = planned.some(({ canaries }) => canaries !== undefined);
  const used = maps.filter(
    ([name, entries]) =>
      Object.keys(entries as object).length > 0 ||
      actual.maps[name]?.entries !== undefined ||
      (name === names.canary && canariesAreRead),
  );
  return Object.fromEntries(used) as Routing['maps'];
}

function byName(a: JsonObject, b: JsonObject): number {
  return textAt(a, 'name') < textAt(b, 'name') ? -1 : 1;
}

function withoutReplacement(result: BackendPlan): BackendPlan {
  return { ...result, steps: result.steps.filter((step) => !isBackendChange(step)) };
}

function planOne(
  desired: DesiredBackend,
  actual: ActualBackend | undefined,
  context: BackendContext,
): BackendPlan | { readonly skipped: Skipped } {
  const { kind, name, service, strategy } = desired;
  if (kind === 'custom') {
    if (actual !== undefined) return planCustomBackend(desired, actual, context);
    return conflict(service, `backend ${name} is not in HAProxy's configuration`);
  }
  const isOurs = actual === undefined || actual.ours || context.adopt;
  if (isOurs) return planBackend(desired, actual, context);
  const problem = `backend ${name} is there already and is not ours`;
  if (strategy === 'fail_on_conflict') {
    throw new ConnectorError('conflict-strategy', `${service}: ${problem}`, { retryable: true });
  }
  if (strategy === 'create_new') return conflict(service, problem);
  const mode = typeof desired.section['mode'] === 'string' ? desired.section['mode'] : 'http';
  if (actual.mode !== mode) {
    return conflict(service, `${problem}, and its mode is ${actual.mode}, not ${mode}`);
  }
  const serverFields = serverCheckOf(desired.section);
  const endpoints = desired.endpoints.map(amongOthers);
  return planCustomBackend({ ...desired, serverFields, endpoints }, actual, context);
}

/** Our usual weight would leave the operator's servers next to nothing: HAProxy's own is 1. */
function amongOthers(endpoint: Endpoint): Endpoint {
  return endpoint.isUsualWeight === true ? { ...endpoint, weight: 1 } : endpoint;
}

/** HAProxy refuses an http route to a tcp backend; by a map it would find out at the request. */
function modeConflict(
  { kind, name, service }: DesiredBackend,
  actual: ActualBackend | undefined,
  { routes }: DesiredState,
): { readonly skipped: Skipped } | undefined {
  if (kind !== 'custom' || actual?.mode !== 'tcp') return undefined;
  const asked = routes.some(
    (route) => route.mode === 'http' && route.service === service && route.backend === name,
  );
  if (!asked) return undefined;
  return conflict(service, `the mode of backend ${name} is tcp, and its routes are of mode http`);
}

function conflict(service: string, reason: string): { readonly skipped: Skipped } {
  return { skipped: { service, code: 'backend-conflict', reason } };
}

function planRemovals(
  { actual, desired }: PlanInput,
  live: ReadonlySet<string>,
  held: ReadonlySet<string>,
): Step[] {
  const kept = keptServers({ actual, desired }).map(({ backend, service }) => ({
    name: backend.name,
    service,
  }));
  const pairs = new Set([...desired.backends, ...kept].map((one) => `${one.name} ${one.service}`));
  return sorted(actual.backends).flatMap((backend): Step[] => {
    if (!backend.ours) {
      return backend.slots
        .filter(({ service }) => !pairs.has(`${backend.name} ${service}`))
        .filter(({ binding }) => binding === undefined || !held.has(binding.id))
        .map((slot) => deletion(backend.name, slot));
    }
    if (live.has(backend.name)) return [];
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

function sorted(backends: Readonly<Record<string, ActualBackend>>): ActualBackend[] {
  return Object.values(backends).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Backends of ours that stay as they stand, with their routes: the guard holds them, or their
 * service is skipped and its last good state serves on.
 */
export function keptBackends({ actual, desired }: PlanInput, held: Held | undefined): Set<string> {
  const wanted = new Set(desired.backends.map(({ name }) => name));
  const skipped = desired.skipped.flatMap(({ backend }) => backend ?? []);
  const names = [...(held?.backends ?? []), ...skipped];
  return new Set(names.filter((name) => !wanted.has(name) && actual.backends[name]?.ours));
}

/** Servers of skipped services in the operator's backends: these stay too. */
function keptServers({ actual, desired }: Pick<PlanInput, 'actual' | 'desired'>) {
  return desired.skipped.flatMap(({ backend: name, service }) => {
    const backend = name === undefined ? undefined : actual.backends[name];
    if (backend === undefined || backend.ours) return [];
    return backend.slots.some((slot) => slot.service === service) ? [{ backend, service }] : [];
  });
}

export function contextOf(
  { actual, catalog, idle, now, settings }: PlanInput,
  held: Held | undefined,
  adoption: Adoption,
  reloadsAnyway: boolean,
): BackendContext {
  const gone = new Set(
    Object.entries(catalog.allocations)
      .filter(([, allocation]) => isOver(allocation))
      .map(([id]) => id),
  );
  const names = mapNames(settings.routing);
  const path = (name: string): string => actual.maps[name]?.file ?? `/${name}.map`;
  return {
    reloadsAnyway,
    adopt: settings.ownership.adopt,
    replaced: (service) =>
      [...adoption.backends]
        .filter(([, by]) => by === service)
        .flatMap(([name]) => actual.backends[name]?.others ?? []),
    checkFiles: { paths: path(names['check-path']), hosts: path(names['check-host']) },
    checkEntries: {
      paths: actual.maps[names['check-path']]?.entries ?? {},
      hosts: actual.maps[names['check-host']]?.entries ?? {},
    },
    canaryFile: path(names.canary),
    canaryEntries: actual.maps[names.canary]?.entries ?? {},
    slots: {
      held: new Set(held?.instances ?? []),
      isGone: (id) => gone.has(allocationOf(id)),
      mayRun: (id) => catalog.allocations[allocationOf(id)] !== undefined,
      idle,
      now,
      drainTimeoutSeconds: settings.haproxy.drainTimeoutMs / 1000,
      settings: settings.slots,
    },
  };
}
