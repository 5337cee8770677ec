import type { LimitName } from '../desired/limit-names.js';
import type { SkipCode } from '../desired/types.js';
import type { Step } from '../diff/types.js';
import type { Picture } from '../pass/picture.js';
import { textAt } from '../shared/json.js';

/** How many services are in sync. */
export interface ServiceFigures {
  /** Services routed as wanted. */
  readonly routed: number;
  /** Services that opted in with valid input, whether or not they could be applied. */
  readonly wanted: number;
  readonly skipped: readonly SkipCode[];
  /** Limits that services exceed, once per service. */
  readonly limits: readonly LimitName[];
}

/** Skip codes of services whose input is valid. */
const failures: ReadonlySet<SkipCode> = new Set([
  'rejected-by-haproxy',
  'backend-conflict',
  'name-conflict',
  'unreadable',
  'plan-failed',
]);

export function serviceFigures({ desired, actual, rest }: Picture): ServiceFigures {
  const unfinished = pendingBackends(rest.steps);
  const isRouted = ({ name }: { readonly name: string }): boolean =>
    actual.backends[name] !== undefined && !unfinished.has(name) && !lacking.has(name);
  const unreachable = desired.routes.filter(({ frontends }) =>
    frontends.every((frontend) => actual.frontends[frontend] === undefined),
  );
  const lacking = new Set(unreachable.map(({ backend }) => backend));
  const skipped = rest.skipped.map(({ code }) => code);
  const refused = new Set(rest.skipped.map(({ service }) => service));
  const planned = desired.backends.filter(({ service }) => !refused.has(service));
  return {
    routed: planned.filter(isRouted).length,
    wanted: planned.length + skipped.filter((code) => failures.has(code)).length,
    skipped,
    limits: [...rest.skipped, ...rest.warnings].flatMap(({ limit }) => limit ?? []),
  };
}

/** The backends that remaining steps affect. */
export function pendingBackends(steps: readonly Step[]): ReadonlySet<string> {
  return new Set(steps.flatMap(backendsOf));
}

function backendsOf(step: Step): string[] {
  if ('backend' in step) return [step.backend];
  if ('value' in step) return [step.value];
  return 'rule' in step ? [textAt(step.rule, 'name')] : [];
}
