import { compareText } from '../shared/compare.js';
import { claimsAfter } from './claims-after.js';
import { routeKey } from './domains.js';
import { connectorBackendName, serviceLabel } from '../haproxy/names.js';
import { offerOfFile, offerOfService } from './offers.js';
import { type ServicePlan, planService } from './plan-service.js';
import { type PolicyContext, policyContext } from './policy/context.js';
import { openNamespaces } from './policy/namespaces.js';
import { type Settled, settleRoutes } from './settle-routes.js';
import { oneLine } from '../shared/text.js';
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
 * and doesn't block the others.
 */
export function buildDesired(input: DesiredInput): DesiredState {
  const context = policyContext(input);
  const plans = planAll(input, context);
  const settled = settleRoutes(plans, input.claims ?? {}, context);
  const claims = claimsAfter(input, settled.claimants, context);
  const namesTaken = takenNames(plans, input.settings.ownership.prefix);
  const outcomes = plans.map((plan, index) =>
    settlePlan(
      plan,
      settled.results[index] ?? { kept: [], lost: [], noted: [] },
      namesTaken,
      input,
    ),
  );
  return {
    backends: outcomes.flatMap(({ backend }) => backend ?? []).sort(byName),
    routes: outcomes.flatMap(({ routes }) => routes).sort(byRoute),
    skipped: outcomes
      .flatMap(({ skipped }) => skipped ?? [])
      .map((one) => ({ ...one, reason: oneLine(one.reason) }))
      .sort(byService),
    kept: outcomes.flatMap(({ kept }) => kept ?? []).sort(byService),
    warnings: outcomes
      .flatMap(({ warnings }) => warnings)
      .concat(openNamespaces(context, plans))
      .map((one) => ({ ...one, message: oneLine(one.message) }))
      .sort(byService),
    ...(claims === undefined ? {} : { claims }),
  };
}

function planAll(
  { catalog, settings, routeFiles = [] }: DesiredInput,
  context: PolicyContext,
): ServicePlan[] {
  const { prefix } = settings.tags;
  const offers = [
    ...routeFiles.map((file) => offerOfFile(prefix, file)),
    ...catalog.services.flatMap((service) => offerOfService(prefix, service) ?? []),
  ];
  return offers.flatMap((offer) => planService(offer, context) ?? []);
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

function settlePlan(
  plan: ServicePlan,
  claim: Settled,
  namesTaken: ReadonlyMap<string, string>,
  input: DesiredInput,
): Outcome {
  const skipped =
    plan.skipped ??
    nameConflict(plan.backend, namesTaken) ??
    rejection(plan.backend, input.rejected) ??
    lostAll(plan, claim);
  if (skipped !== undefined) {
    return { routes: [], skipped, kept: plan.kept, warnings: plan.warnings };
  }
  const service = serviceLabel(plan.offer.id);
  const lost = [...claim.lost, ...claim.noted].map((one) => ({ service, ...one }));
  return { backend: plan.backend, routes: claim.kept, warnings: [...plan.warnings, ...lost] };
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

function byRoute(a: DesiredRoute, b: DesiredRoute): number {
  return (
    compareText(a.match, b.match) ||
    compareText(a.host, b.host) ||
    compareText(a.path ?? '', b.path ?? '') ||
    compareText(routeKey(a), routeKey(b)) ||
    compareText(a.frontends.join(), b.frontends.join())
  );
}

/** Stable, so each service's warnings keep their order. */
function byService(a: { service: string }, b: { service: string }): number {
  return compareText(a.service, b.service);
}
