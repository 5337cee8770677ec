import type { ActualState } from '../actual/types.js';
import { isEntryStep, isRuleStep } from '../diff/dispatch.js';
import { effectOf } from '../diff/steps.js';
import type { EntryStep, Plan, RuleStep } from '../diff/types.js';
import { textAt } from '../shared/json.js';
import type { PassContext, WritingContext } from './context.js';
import type { View } from './look.js';
import { rejections } from './rejections.js';

/** What HAProxies of the same version refused isn't tried here. */
export function refusedElsewhere(
  { rollout, target: { name, writer } }: Pick<PassContext, 'rollout' | 'target'>,
  { haproxy }: Pick<ActualState, 'haproxy'>,
): Pick<PassContext, 'apart'> {
  if (rollout === undefined || writer === undefined) return {};
  const apart = rollout.refusedFor(name, haproxy.version);
  return Object.keys(apart).length === 0 ? {} : { apart };
}

/** A pass without services whose turn is yet to come: they stay as they are. */
export function withoutServices(
  context: WritingContext,
  { desired }: View,
  services: readonly string[],
): WritingContext {
  const waiting = new Set(services);
  const backends = desired.backends.filter(({ service }) => waiting.has(service));
  const apart = { ...context.apart, ...rejections(backends, 'waits for its turn') };
  return { ...context, apart, isPart: true };
}

/**
 * Whether a plan without some services loses no route that one of them is to take over. As long as
 * nobody waits for too long, none that removes any route does.
 */
export function isSafePart(part: Plan, whole: Plan, isLate: boolean): boolean {
  const kept = new Set(routesOf(part, ['create', 'change']));
  const removed = routesOf(part, ['remove']).filter((key) => !kept.has(key));
  if (removed.length === 0) return true;
  const taken = new Set(routesOf(whole, ['create', 'change']));
  return isLate && !removed.some((key) => taken.has(key));
}

/** What tells entries and rules apart, whichever backend they lead to. */
function routesOf({ steps }: Plan, effects: readonly string[]): readonly string[] {
  return steps
    .filter((step) => isEntryStep(step) || isRuleStep(step))
    .filter(({ kind }) => effects.includes(effectOf(kind)))
    .map(keyOf);
}

function keyOf(step: EntryStep | RuleStep): string {
  if (isEntryStep(step)) return `${step.map} ${step.key}`;
  const { frontend, list, rule } = step;
  return [frontend, list, textAt(rule, 'acl_name'), textAt(rule, 'cond_test')].join(' ');
}
