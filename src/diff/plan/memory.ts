import equal from 'fast-deep-equal';

import type { ActualBackend, ActualState } from '../../actual/types.js';
import type { Settings } from '../../config/types.js';
import type { DesiredBackend, DesiredRoute } from '../../desired/types.js';
import { keep } from '../../shared/keep.js';
import { memoLast } from '../../shared/memo.js';
import type { Plan } from '../types.js';
import { type BackendContext, type BackendPlan, stayingIds } from './backend-plan.js';
import { absencesOfNone, guardInput } from './guard.js';
import type { PlanInput } from './input.js';
import type { HashMemory } from './marker.js';
import { planRouting, type Routing } from './routes.js';
import { serverFacts } from './server-facts.js';
import type { ClaimMemory } from './server-limit.js';

/**
 * What a plan leaves for the next one: same objects in, same result out. It may be lost at any time,
 * which costs time and never changes a plan.
 */
export interface PlanMemory {
  readonly backends: {
    /** Where nothing reloads HAProxy, and where something does anyway. */
    readonly alone: BackendMemory;
    readonly withReload: BackendMemory;
    /** Of those that HAProxy doesn't have: their plan is the same in both. */
    readonly created: BackendMemory;
  };
  readonly hash: HashMemory;
  readonly claims: ClaimMemory;
  /** `planRouting`. */
  readonly routing: (
    routes: readonly DesiredRoute[],
    maps: ActualState['maps'],
    frontends: ActualState['frontends'],
    settings: Settings,
  ) => Routing;
  /** For the plan that `sync` would make. */
  synced?: PlanMemory;
  last?: { readonly input: PlanInput; readonly plan: Plan };
}

interface BackendMemory {
  /** What `plans` were made with. */
  context?: LastingContext;
  plans: WeakMap<DesiredBackend, KnownPlan>;
}

/** The part of the context that a remembered plan depends on. */
type LastingContext = ReturnType<typeof lastingContext>;

/** Without what matters only where an instance leaves. */
function lastingContext({ slots, replaced: _replaced, isHeld: _isHeld, ...rest }: BackendContext) {
  const {
    now: _now,
    idle: _idle,
    held: _held,
    isGone: _isGone,
    mayRun: _mayRun,
    ...lasting
  } = slots;
  return { ...rest, slots: lasting };
}

interface KnownPlan {
  readonly actual: ActualBackend | undefined;
  readonly plan: BackendPlan;
}

export function newPlanMemory(): PlanMemory {
  return {
    backends: {
      alone: newBackendMemory(),
      withReload: newBackendMemory(),
      created: newBackendMemory(),
    },
    hash: {},
    claims: { known: new WeakMap() },
    routing: memoLast((routes, maps, frontends, settings) =>
      planRouting(routes, { maps, frontends }, settings),
    ),
  };
}

function newBackendMemory(): BackendMemory {
  return { plans: new WeakMap() };
}

type PlanOne = (desired: DesiredBackend, actual: ActualBackend | undefined) => BackendPlan;

/** `make`, or what it gave for the same two objects in the same context. */
export function rememberedPlans(memory: PlanMemory, given: BackendContext, make: PlanOne): PlanOne {
  const { alone, withReload, created } = memory.backends;
  const plans = plansIn(given.reloadsAnyway ? withReload : alone, given);
  const newPlans = plansIn(created, { ...given, reloadsAnyway: false });
  return (desired, actual) => {
    const known = actual === undefined ? newPlans : plans;
    const one = known.get(desired);
    if (one !== undefined && one.actual === actual) return one.plan;
    const plan = make(desired, actual);
    if (isLasting(desired, actual)) known.set(desired, { actual, plan });
    return plan;
  };
}

/** Those that were made in this context. */
function plansIn(memory: BackendMemory, given: BackendContext): BackendMemory['plans'] {
  const context = keep(memory.context, lastingContext(given));
  if (context !== memory.context) memory.plans = new WeakMap();
  memory.context = context;
  return memory.plans;
}

/**
 * Whether a plan depends on nothing but the two and `LastingContext`. Where an instance leaves, it
 * depends on the clock, on requests in flight, on its allocation and on what the guard holds.
 */
function isLasting(desired: DesiredBackend, actual: ActualBackend | undefined): boolean {
  if (desired.kind !== 'dynamic') return false;
  if (actual === undefined) return true;
  const stays = new Set(stayingIds(desired));
  return (
    actual.ours &&
    actual.slots.every(
      (slot) =>
        slot.binding === undefined ||
        (slot.binding.drainingSince === undefined && stays.has(slot.binding.id)),
    )
  );
}

/** The last plan, where nothing that it depends on changed. */
export function samePlan({ last }: PlanMemory, input: PlanInput): Plan | undefined {
  if (last === undefined || !isSame(last.input, input)) return undefined;
  const { catalog } = input;
  const { header, markIndex: _, ...plan } = last.plan;
  return {
    ...plan,
    header: { ...header, catalogIndex: catalog.index },
    absences: absencesOfNone(guardInput(input)),
    markIndex: catalog.index,
  };
}

function isSame(before: PlanInput, input: PlanInput): boolean {
  return isOrdinary(input) && isAlike(lastingPart(before), lastingPart(input));
}

/** Without the time, what `isOrdinary` covers, and what the plan only mentions. */
function lastingPart(input: PlanInput): object {
  const {
    now: _now,
    nowMs: _nowMs,
    idle: _idle,
    passed: _passed,
    confirms: _confirms,
    ...rest
  } = input;
  const { absences: _absences, catalog, ended = [], ...lasting } = rest;
  const { allocations, missing, trust } = catalog;
  return { ...lasting, ended, allocations, missing, trust };
}

/** What is large is the same object, or another. */
const large: readonly string[] = ['actual', 'desired', 'settings', 'allocations'];

function isAlike(before: object, after: object): boolean {
  const old = before as Readonly<Record<string, unknown>>;
  const entries = Object.entries(after);
  return (
    entries.length === Object.keys(old).length &&
    entries.every(([key, value]) => {
      if (Object.is(old[key], value)) return true;
      // fast-deep-equal takes any two of them for equal.
      const isPlain = !(value instanceof Set || value instanceof Map);
      return isPlain && !large.includes(key) && equal(old[key], value);
    })
  );
}

/** Nothing is remembered of earlier passes. */
function isOrdinary({ idle, passed, confirms, absences }: PlanInput): boolean {
  if ((passed?.size ?? 0) > 0) return false;
  return idle.size === 0 && confirms === undefined && (absences?.known.length ?? 0) === 0;
}

/** Remembers a plan that no clock changes: nothing to do, and nothing drains, is held or missed. */
export function rememberPlan(memory: PlanMemory, input: PlanInput, plan: Plan): void {
  delete memory.last;
  const isOver = plan.steps.length === 0 && !plan.inMotion && plan.held === undefined;
  if (!isOver || plan.absences.known.length > 0 || !isOrdinary(input)) return;
  if (!serverFacts(input.actual).drains) memory.last = { input, plan };
}
