import type { DesiredState } from '../desired/types.js';
import { isBackendChange, isBackendWrite, isSectionStep } from '../diff/dispatch.js';
import type { Plan } from '../diff/types.js';

/** Backends that read back differently from what was written, with the input that caused it. */
export type Unstable = Readonly<
  Record<string, { readonly fingerprint: string; readonly message: string }>
>;

/** Messages by backend, for those whose input is unchanged. */
export function stillUnstable(
  known: Unstable,
  { backends }: DesiredState,
): Readonly<Record<string, string>> {
  if (Object.keys(known).length === 0) return {};
  const stuck = backends.flatMap(({ name, fingerprint }): [string, string][] => {
    const one = known[name];
    return one?.fingerprint === fingerprint ? [[name, one.message]] : [];
  });
  return Object.fromEntries(stuck);
}

/** Backends just written that would be written again: an endless loop with a reload each time. */
export function cameBackOther(desired: DesiredState, before: Plan, after: Plan): Unstable {
  const done = new Set(before.steps.filter(isBackendWrite).map(({ backend }) => backend));
  const found = after.steps
    .filter(isBackendChange)
    .flatMap((step): [string, Unstable[string]][] => {
      if (!done.has(step.backend) || step.changes.length === 0) return [];
      const fingerprint = desired.backends.find(({ name }) => name === step.backend)?.fingerprint;
      const message = `backend ${step.backend} reads back differently from what was written: ${step.changes.join(', ')}`;
      return [[step.backend, { fingerprint: fingerprint ?? '', message }]];
    });
  return Object.fromEntries(found);
}

/**
 * Backends just written as text that the next plan writes or removes again, for whatever reason. The
 * Data Plane API is to write them itself.
 */
export function misreadIn(asText: readonly string[], after: Plan): readonly string[] {
  const done = new Set(asText);
  return after.steps
    .filter(isSectionStep)
    .flatMap((step) => ('backend' in step && done.has(step.backend) ? [step.backend] : []));
}
