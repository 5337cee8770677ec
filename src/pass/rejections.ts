import { escapeRegex } from '../shared/escape-regex.js';
import type { DesiredBackend, DesiredState, Rejection } from '../desired/types.js';
import { isRuleStep, isStructureWrite } from '../diff/dispatch.js';
import { effectOf } from '../diff/steps.js';
import type { Plan, RuleStep } from '../diff/types.js';
import { textAt } from '../shared/json.js';

/** Desired backends whose structure this plan writes: the candidates for the rejection. */
export function candidatesOf(desired: DesiredState, plan: Plan): readonly DesiredBackend[] {
  const changed = new Set(
    plan.steps
      .filter(isStructureWrite)
      .map((step) => ('slot' in step ? step.slot.service : step.service)),
  );
  const led = newlyLedTo(plan);
  return desired.backends.filter(({ name, service }) => changed.has(service) || led.has(name));
}

/**
 * Backends of new rules. Rules that only move are deleted and inserted again, so they don't count.
 */
function newlyLedTo({ steps }: Plan): ReadonlySet<string> {
  const rules = steps.filter(isRuleStep);
  const keyOf = ({ frontend, list, rule }: RuleStep): string =>
    [frontend, list, textAt(rule, 'name'), textAt(rule, 'cond_test')].join(' ');
  const old = new Set(rules.filter(({ kind }) => effectOf(kind) === 'remove').map(keyOf));
  const fresh = rules.filter((step) => effectOf(step.kind) === 'create' && !old.has(keyOf(step)));
  return new Set(fresh.map(({ rule }) => textAt(rule, 'name')));
}

/** HAProxy usually names the backend or server it objects to. */
export function namedIn(
  candidates: readonly DesiredBackend[],
  message: string,
): readonly DesiredBackend[] {
  return candidates.filter(({ slotPrefix }) => {
    const escaped = escapeRegex(slotPrefix);
    const name = `(^|[^A-Za-z0-9_.:-])${escaped}(_[0-9]+)?([^A-Za-z0-9_-]|$)`;
    return new RegExp(name).test(message);
  });
}

const maxReason = 400;

export function reasonOf(message: string): string {
  return message.slice(0, maxReason);
}

/** A refusal is remembered while the service's input stays the same. */
export function rejections(
  backends: readonly DesiredBackend[],
  reason: string,
): Record<string, Rejection> {
  return Object.fromEntries(
    backends.map(({ service, fingerprint }) => [
      service,
      { fingerprint, reason: reasonOf(reason) },
    ]),
  );
}
