import type { LimitSettings } from '../config/types.js';
import { type ClaimRecord, noClaims } from '../haproxy/claims-record.js';
import { connectorBackendName, serviceLabel } from '../haproxy/names.js';
import { compareText } from '../shared/compare.js';
import { keep, keepInSlices } from '../shared/keep.js';
import { runThrough, type Sliced } from '../shared/slices.js';
import { oneLine } from '../shared/text.js';
import { type Aged, byAge, claimKey } from './claims.js';
import { byRoute } from './domains.js';
import { type Excess, excess, isSearched, limitSkip, regexCount, stepCount } from './limits.js';
import { newDesiredMemory, recordAfter, settledRoutes } from './memory.js';
import { planAll } from './plan-all.js';
import type { ServicePlan } from './plan-service.js';
import { type RouteContext, routeContext } from './policy/context.js';
import { openNamespaces } from './policy/namespaces.js';
import type { Settled, SettledRoutes } from './settle-routes.js';
import type {
  DesiredBackend,
  DesiredInput,
  DesiredRoute,
  DesiredState,
  DesiredWarning,
  KeptService,
  Skipped,
} from './types.js';

/**
 * Computes HAProxy's desired state from one read of Nomad. Each service is planned on its own, then
 * claims on routes and names are settled. A service that can't be served is skipped with a reason
 * and doesn't block the others. With the memory of earlier builds only what changed is computed
 * again; the result is the same.
 */
export function buildDesired(input: DesiredInput, memory = newDesiredMemory()): DesiredState {
  return runThrough(desiredInSlices(input, memory));
}

/** The same, service by service. */
export function* desiredInSlices(
  input: DesiredInput,
  memory = newDesiredMemory(),
): Sliced<DesiredState> {
  const routing = (memory.routing = keep(memory.routing, routeContext(input)));
  const { plans, failed } = yield* planAll(input, memory);
  const { rejected, claims: record = noClaims } = input;
  const settled = yield* settledRoutes(plans, record, routing, memory);
  yield;
  const claims = yield* recordAfter(input, settled, memory);
  yield;
  const { last } = memory;
  const isSame = last?.settled === settled && last.claims === claims && last.plans === plans;
  if (isSame && last.rejected === rejected && last.failed === failed) return last.desired;
  const fresh = yield* settle(plans, failed, settled, { ...input, claims: record }, routing);
  const made = claims === undefined ? fresh : { ...fresh, claims };
  const desired = yield* keepInSlices(last?.desired, made);
  memory.last = { plans, failed, settled, claims, rejected, desired };
  return desired;
}

function* settle(
  plans: readonly ServicePlan[],
  failed: readonly Skipped[],
  settled: SettledRoutes,
  input: DesiredInput,
  context: RouteContext,
): Sliced<DesiredState> {
  const overRegexes = beyondRegexes(plans, input.claims ?? noClaims, input.settings.limits);
  const namesTaken = takenNames(plans, input.settings.ownership.prefix);
  const others = { namesTaken, overRegexes, input };
  const outcomes: Outcome[] = [];
  for (const [index, plan] of plans.entries()) {
    outcomes.push(settlePlan(plan, settled.results[index] ?? nothingSettled, others));
    yield;
  }
  const backends = outcomes.flatMap(({ backend }) => backend ?? []).sort(byName);
  yield;
  const routes = outcomes.flatMap((one) => one.routes).sort(byRoute);
  yield;
  return {
    ...{ backends, routes },
    ...(settled.vacant.length === 0 ? {} : { vacant: [...settled.vacant].sort(byRoute) }),
    skipped: [...failed, ...outcomes.flatMap(({ skipped }) => skipped ?? [])]
      .map((one) => ({ ...one, reason: oneLine(one.reason) }))
      .sort(byService),
    kept: outcomes.flatMap(({ kept }) => kept ?? []).sort(byService),
    warnings: outcomes
      .flatMap(({ warnings }) => warnings)
      .concat(openNamespaces(context, plans))
      .map((one) => ({ ...one, message: oneLine(one.message) }))
      .sort(byService),
  };
}

const nothingSettled: Settled = { kept: [], lost: [], noted: [] };

/** Services whose expressions are too many on top of those with older claims. */
function beyondRegexes(
  plans: readonly ServicePlan[],
  record: ClaimRecord,
  { regexesTotal, regexSteps }: LimitSettings,
): ReadonlyMap<ServicePlan, Excess> {
  const beyond = new Map<ServicePlan, Excess>();
  let left = regexesTotal;
  let stepsLeft = regexSteps;
  const aged = plans
    .filter(({ routes }) => routes.some(isSearched))
    .map((plan) => ({ plan, ...agedClaim(plan, record) }));
  for (const { plan } of aged.sort(byAge)) {
    const count = regexCount(plan.routes);
    const steps = stepCount(plan.routes);
    if (count > left) {
      beyond.set(
        plan,
        excess('regexes_total', 'too many regular expressions in all', regexesTotal),
      );
    } else if (steps > stepsLeft) {
      const what = `regular expressions of ${steps} steps, with ${stepsLeft} left`;
      beyond.set(plan, excess('regex_steps', what, regexSteps));
    } else {
      left -= count;
      stepsLeft -= steps;
    }
  }
  return beyond;
}

/** As old as the oldest of its expressions. */
function agedClaim({ offer, routes }: ServicePlan, record: ClaimRecord): Aged {
  const claim = { service: offer.id, claimedAt: offer.claimedAt, routes };
  const known = routes
    .filter(isSearched)
    .map((route) => record[claimKey(offer.id, route)]?.since ?? Number.MAX_SAFE_INTEGER);
  return { claim, since: known.reduce((a, b) => Math.min(a, b), Number.MAX_SAFE_INTEGER) };
}

/** For each backend name, the first plan that claims it. */
function takenNames(plans: readonly ServicePlan[], prefix: string): ReadonlyMap<string, string> {
  const names = new Map([[connectorBackendName(prefix), 'the connector']]);
  for (const { backend } of plans) {
    if (backend.kind === 'dynamic' && !names.has(backend.name)) {
      names.set(backend.name, backend.service);
    }
  }
  return names;
}

interface Outcome {
  readonly backend?: DesiredBackend;
  readonly routes: readonly DesiredRoute[];
  readonly skipped?: Skipped;
  readonly kept?: KeptService;
  readonly warnings: readonly DesiredWarning[];
}

interface Others {
  readonly namesTaken: ReadonlyMap<string, string>;
  readonly overRegexes: ReadonlyMap<ServicePlan, Excess>;
  readonly input: DesiredInput;
}

function settlePlan(
  plan: ServicePlan,
  claim: Settled,
  { namesTaken, overRegexes, input }: Others,
): Outcome {
  const problem =
    plan.skipped ??
    nameConflict(plan.backend, namesTaken) ??
    rejection(plan.backend, input.rejected) ??
    regexSkip(plan, overRegexes.get(plan)) ??
    lostAll(plan, claim);
  const skipped = problem && problem.code !== 'policy' ? (plan.taken ?? problem) : problem;
  if (skipped !== undefined) {
    const kept = plan.kept === undefined ? {} : { kept: plan.kept };
    return { routes: [], skipped, ...kept, warnings: plan.warnings };
  }
  const service = serviceLabel(plan.offer.id);
  const lost = [...claim.lost, ...claim.noted].map((one) => ({ service, ...one }));
  return { backend: plan.backend, routes: claim.kept, warnings: [...plan.warnings, ...lost] };
}

function regexSkip({ offer, backend }: ServicePlan, over: Excess | undefined): Skipped | undefined {
  return over === undefined ? undefined : limitSkip(offer.id, over, backend.name);
}

function nameConflict(
  { name, service }: DesiredBackend,
  namesTaken: ReadonlyMap<string, string>,
): Skipped | undefined {
  const owner = namesTaken.get(name);
  if (owner === undefined || owner === service) return undefined;
  const reason = `service ${service}: backend ${name} belongs to ${owner}`;
  return { service, code: 'name-conflict', reason };
}

function rejection(
  { name, service, fingerprint }: DesiredBackend,
  rejected: DesiredInput['rejected'],
): Skipped | undefined {
  const known = rejected?.[service];
  if (known?.fingerprint !== fingerprint) return undefined;
  return { service, code: 'rejected-by-haproxy', reason: known.reason, backend: name };
}

/** All of its routes belong to others, or are refused. */
function lostAll({ offer }: ServicePlan, { kept, lost }: Settled): Skipped | undefined {
  const [first] = lost;
  if (kept.length > 0 || first === undefined) return undefined;
  const reason = lost.map(({ message }) => message).join('; ');
  return { service: serviceLabel(offer.id), code: first.code, reason };
}

function byName(a: DesiredBackend, b: DesiredBackend): number {
  return compareText(a.name, b.name) || compareText(a.slotPrefix, b.slotPrefix);
}

/** Stable, so each service's warnings keep their order. */
function byService(a: { service: string }, b: { service: string }): number {
  return compareText(a.service, b.service);
}
