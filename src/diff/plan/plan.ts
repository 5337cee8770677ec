import { findAdoption } from '../complete/adopt.js';
import { withoutConflicts } from './conflicts.js';
import { guard, guardInput } from './guard.js';
import { routesToHave } from './held-routes.js';
import { planMarker } from './marker.js';
import { contextOf } from './backend-context.js';
import { keptPlaces, planBackends } from './backends.js';
import { planFrontends } from './frontends.js';
import { isStructural, stepIs } from '../dispatch.js';
import type { PlanInput } from './input.js';
import { newPlanMemory, type PlanMemory, rememberPlan, samePlan } from './memory.js';
import { keptSteps } from './kept-steps.js';
import { planAllMaps } from './maps.js';
import { openSteps } from './probes.js';
import { serverFacts } from './server-facts.js';
import { type SizedInput, withinServers } from './server-limit.js';
import { vacantRoutes } from './vacant-routes.js';
import { memoOf } from '../../shared/memo.js';
import { runThrough, type Sliced } from '../../shared/slices.js';
import { withoutServices } from './skipped.js';
import type { DesiredRoute, Skipped } from '../../desired/types.js';
import type { Held, Plan, Problem, Step } from '../types.js';

export type { PlanInput } from './input.js';

/**
 * Plans the steps from HAProxy's actual to its desired state. Pure: no I/O, no clock, no randomness.
 * With the memory of earlier plans only what changed is planned again; the result is the same.
 *
 * | desired | actual | steps |
 * |---|---|---|
 * | backend | none | create it with its servers |
 * | backend | ours, other section or too few slots | replace it |
 * | backend | ours, same structure | fill, update, drain and free slots without a reload |
 * | backend | the operator's | our servers only, or a conflict, as the strategy says |
 * | none | ours | delete it, unless the guard holds it |
 * | none | the operator's | nothing, ever |
 */
export function plan(given: PlanInput, memory = newPlanMemory()): Plan {
  return runThrough(planInSlices(given, memory));
}

/** The same, backend by backend. */
export function* planInSlices(given: PlanInput, memory = newPlanMemory()): Sliced<Plan> {
  const same = samePlan(memory, given);
  if (same !== undefined) return same;
  const made = yield* makePlan(given, memory);
  rememberPlan(memory, given, made);
  return made;
}

function* makePlan(given: PlanInput, memory: PlanMemory): Sliced<Plan> {
  const records = withBareRecords(given);
  yield;
  const apart = withoutConflicts(records);
  yield;
  const input = yield* withinServers(apart, memory.claims);
  yield;
  const { held, absences } = guard(guardInput(input));
  yield;
  const first = yield* compose(input, held, false, memory);
  if (first.failed.length > 0) return yield* makePlan(withoutServices(given, first.failed), memory);
  const reloads = input.reloadWaits !== true && first.steps.some(isStructural);
  const whole = reloads ? yield* compose(input, held, true, memory) : first;
  const kept = yield* keptBack(input, held, whole.steps, memory);
  yield;
  const { actual, catalog, desired } = input;
  const inMotion = isInMotion(input, whole);
  yield;
  const { waiting } = serverFacts(actual);
  return {
    header: {
      url: actual.dataplane.url,
      configVersion: actual.configVersion,
      catalogIndex: catalog.index,
    },
    steps: [...openSteps(input, whole.steps), ...whole.steps],
    ...(held === undefined ? {} : { held }),
    ...kept,
    absences,
    ...markIndexOf(input, held),
    skipped: desired.skipped,
    warnings: desired.warnings,
    problems: input.shortage === undefined ? whole.problems : [...whole.problems, input.shortage],
    inMotion,
    waiting,
  };
}

/** Under another policy than `sync`: what that would do besides. */
function* keptBack(
  input: SizedInput,
  held: Held | undefined,
  steps: readonly Step[],
  memory: PlanMemory,
): Sliced<Pick<Plan, 'kept'>> {
  const { settings } = input;
  if (settings.sync.policy === 'sync') return {};
  const asSync = { ...settings, sync: { ...settings.sync, policy: 'sync' } } as const;
  memory.synced ??= newPlanMemory();
  const synced = yield* compose({ ...input, settings: asSync }, held, false, memory.synced);
  return { kept: keptSteps(steps, synced.steps) };
}

/** While something is held, the mark keeps the index of the Nomad that HAProxy was written from. */
function markIndexOf(
  { actual, catalog }: PlanInput,
  held: Held | undefined,
): Pick<Plan, 'markIndex'> {
  const markIndex = held === undefined ? catalog.index : actual.marker.nomadIndex;
  return markIndex === undefined ? {} : { markIndex };
}

/** Without what every object inherits: `toString` is a valid name of a backend or frontend. */
export function withBareRecords(input: PlanInput): PlanInput {
  const { actual, unstable } = input;
  const { backends, frontends, maps } = actual;
  return {
    ...input,
    actual: { ...actual, backends: bare(backends), frontends: bare(frontends), maps: bare(maps) },
    unstable: bare(unstable),
  };
}

const bareRecords = memoOf<object>();

/** One for each, so that what is made of it can be recognised. */
function bare<T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return bareRecords(record, () =>
    Object.assign(Object.create(null) as Record<string, T>, record),
  ) as Readonly<Record<string, T>>;
}

interface Composed {
  readonly steps: readonly Step[];
  readonly staying: readonly string[];
  readonly problems: readonly Problem[];
  readonly failed: readonly Skipped[];
}

function* compose(
  input: SizedInput,
  held: Held | undefined,
  reloadsAnyway: boolean,
  memory: PlanMemory,
): Sliced<Composed> {
  const { actual, desired, settings } = input;
  const kept = keptPlaces(input, held);
  yield;
  const adoption = findAdoption(input);
  yield;
  const context = contextOf(input, held, adoption, reloadsAnyway);
  const backends = yield* planBackends(input, kept, adoption, context, memory);
  yield;
  const isLive = ({ backend }: DesiredRoute): boolean => backends.live.has(backend);
  // The same list where all are, so that what is made of it can be recognised.
  const wanted = desired.routes.every(isLive) ? desired.routes : desired.routes.filter(isLive);
  yield;
  const vacant = vacantRoutes(input, kept.routed);
  yield;
  const routes = routesToHave(input, wanted, vacant, kept.routed);
  yield;
  const routing = memory.routing(routes, actual.maps, actual.frontends, settings);
  yield;
  const asked = [...wanted, ...vacant];
  const frontends = planFrontends(input, asked, routing, kept.routed, adoption);
  const structural = [...backends.structural, ...frontends.steps];
  yield;
  const marker = yield* planMarker(
    input,
    backends.structures,
    frontends.parts,
    structural.length > 0,
    markIndexOf(input, held).markIndex,
    memory.hash,
  );
  yield;
  const entries = { ...routing.maps, ...backends.serverMaps };
  const maps = planAllMaps(input, entries, kept.routed, [...structural, ...marker], adoption);
  return {
    steps: [
      ...maps.create,
      ...maps.entries.filter(({ when }) => when === 'first'),
      ...backends.slots,
      ...maps.structural,
      ...maps.entries.filter(({ when }) => when !== 'first'),
    ],
    staying: backends.staying,
    problems: [...adoption.problems, ...backends.problems, ...frontends.problems, ...maps.problems],
    failed: backends.failed,
  };
}

const isDrain = stepIs({ effect: 'drain' });

/**
 * An unfinished drain, or a leaving instance that serves until its replacement is UP. A server that
 * waits for its check doesn't count.
 */
function isInMotion({ actual }: PlanInput, composed: Composed): boolean {
  if (composed.steps.some(isDrain)) return true;
  const staying = new Set(composed.staying);
  return serverFacts(actual).bound.some((id) => !staying.has(id));
}
