import { type KindsWhere, kindsWhere, type StepCriteria, type StepKind } from './steps.js';
import type { Step } from './types.js';

/** A step of these kinds. Doesn't compile if the table has a kind that `Step` lacks. */
export type StepOf<K extends Step['kind']> = Extract<Step, { readonly kind: K }>;

/** One handler per kind. A missing one doesn't compile. */
export type HandlersOf<K extends StepKind, R, A extends readonly unknown[] = []> = {
  readonly [Kind in K]: (step: StepOf<Kind>, ...args: A) => R;
};

export type StepHandlers<R, A extends readonly unknown[] = []> = HandlersOf<StepKind, R, A>;

/** Calls the handler for the step's kind with the extra arguments. */
export function byKind<S extends Step, R, A extends readonly unknown[]>(
  step: S,
  handlers: HandlersOf<S['kind'], R, A>,
  ...args: A
): R {
  // The compiler can't see that step and handler have the same kind.
  const handler = handlers[step.kind as S['kind']] as (step: Step, ...args: A) => R;
  return handler(step, ...args);
}

/** A predicate from the table's columns: `stepIs({ object: 'slot', effect: 'remove' })`. */
export function stepIs<const C extends StepCriteria>(
  criteria: C,
): (step: Step) => step is StepOf<KindsWhere<C>> {
  const kinds: ReadonlySet<StepKind> = new Set<StepKind>(kindsWhere(criteria));
  return (step): step is StepOf<KindsWhere<C>> => kinds.has(step.kind);
}

/** Steps that need a reload. */
export const isStructural = stepIs({ route: 'transaction' });
export const isNewMap = stepIs({ object: 'map', effect: 'create' });
export const isMapWrite = stepIs({ object: 'map', effect: 'change' });
/** Changes a map's file, its entries in the process or both. */
export const isAboutMap = stepIs({ object: ['map', 'entry'] });
export const isSlotStep = stepIs({ object: 'slot' });
export const isOpening = stepIs({ object: 'health' });
/** Concerns instances alone, and costs no reload. */
export const isInstanceStep = stepIs({ object: ['slot', 'health'] });
export const isEntryStep = stepIs({ object: 'entry' });
export const isRuleStep = stepIs({ object: 'rule' });
export const isNewBackend = stepIs({ object: 'backend', effect: 'create' });
/** Writes or removes a whole section of ours. */
export const isSectionStep = stepIs({ object: ['backend', 'marker'] });
export const isBackendChange = stepIs({ object: 'backend', effect: 'change' });
export const isBackendRemoval = stepIs({ object: 'backend', effect: 'remove' });
export const isBackendWrite = stepIs({ object: 'backend', effect: ['create', 'change'] });
/** Writes the structure of a backend, or of our servers in an operator's backend. */
export const isStructureWrite = stepIs({
  object: ['backend', 'server'],
  effect: ['create', 'change'],
});
export const isStructureRemoval = stepIs({ object: ['backend', 'server'], effect: 'remove' });
