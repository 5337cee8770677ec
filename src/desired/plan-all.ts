import { type ServiceId, serviceLabel } from '../haproxy/names.js';
import type { UnreadableService } from '../observe/types.js';
import { keep } from '../shared/keep.js';
import { sameItems } from '../shared/same-items.js';
import type { Sliced } from '../shared/slices.js';
import type { DesiredMemory } from './memory.js';
import { type Offer, offerOfFile, offerOfService } from './offers.js';
import { planFailed } from './plan-failed.js';
import { type ServicePlan, planService } from './plan-service.js';
import { type ServiceContext, serviceContext } from './policy/context.js';
import type { DesiredInput, Skipped } from './types.js';

export interface Plans {
  readonly plans: readonly ServicePlan[];
  /** Services that can't be planned. What is there of them stays. */
  readonly failed: readonly Skipped[];
}

/** A service, and how it is planned. */
interface Source {
  /** The catalog's object, or the route file. */
  readonly from: object;
  readonly id: ServiceId;
  readonly offer: () => Offer | undefined;
  /** Its instances can't be read. */
  readonly unreadable?: Skipped;
}

/** Plans each service on its own: those whose object and context are the same, not again. */
export function* planAll(input: DesiredInput, memory: DesiredMemory): Sliced<Plans> {
  const context = keep(memory.context, serviceContext(input));
  if (context !== memory.context) memory.plans = new WeakMap();
  memory.context = context;
  const before = memory.last;
  let known: ReadonlyMap<string, ServicePlan> | undefined;
  const plans: ServicePlan[] = [];
  const failed: Skipped[] = [];
  for (const source of sourcesOf(input)) {
    const { from, id } = source;
    let plan = memory.plans.get(from);
    if (plan === undefined && !memory.plans.has(from)) {
      known ??= new Map(before?.plans.map((one) => [one.backend.service, one]));
      const label = serviceLabel(id);
      try {
        plan = keep(known.get(label), planOf(source, context));
        memory.plans.set(from, plan);
      } catch (error) {
        failed.push(planFailed(label, error));
      }
      yield;
    }
    if (plan !== undefined) plans.push(plan);
    else if (source.unreadable !== undefined) failed.push(source.unreadable);
  }
  return { plans: sameItems(before?.plans, plans), failed: keep(before?.failed, failed) };
}

function planOf({ offer, unreadable }: Source, context: ServiceContext): ServicePlan | undefined {
  const offered = offer();
  const plan = offered === undefined ? undefined : planService(offered, context);
  if (plan === undefined || unreadable === undefined) return plan;
  return { ...plan, skipped: unreadable, kept: undefined };
}

function* sourcesOf({ catalog, settings, routeFiles = [] }: DesiredInput): Generator<Source> {
  const { limits, tags } = settings;
  for (const file of routeFiles) {
    const id = { source: 'file', namespace: '', name: file.name } as const;
    yield { from: file, id, offer: () => offerOfFile(tags.prefix, file) };
  }
  for (const service of catalog.services) {
    const { namespace, name } = service;
    const id = { source: 'nomad', namespace, name } as const;
    yield { from: service, id, offer: () => offerOfService(tags.prefix, service, limits) };
  }
  for (const service of catalog.unreadable ?? []) {
    const { namespace, name } = service;
    const id = { source: 'nomad', namespace, name } as const;
    const offer = (): Offer | undefined => offerOfService(tags.prefix, service, limits);
    yield { from: service, id, offer, unreadable: unreadableSkip(service) };
  }
}

function unreadableSkip({ namespace, name, reason, limit }: UnreadableService): Skipped {
  const service = serviceLabel({ source: 'nomad', namespace, name });
  if (limit === undefined) return { service, code: 'unreadable', reason };
  return { service, code: 'limit-exceeded', limit, reason };
}
