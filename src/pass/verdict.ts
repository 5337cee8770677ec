import { isBackendRemoval, isStructural } from '../diff/dispatch.js';
import type { Verdict, Wanted } from '../rollout/types.js';
import type { View } from './look.js';
import type { Picture } from './picture.js';
import type { Refusals } from './refusals.js';
import { candidatesOf } from './rejections.js';

/** What a plan with a reload would bring to HAProxy. */
export function wantedOf({ actual, desired, plan }: View): Wanted {
  const removes = plan.steps.filter(isBackendRemoval).map(({ backend }) => backend);
  const writes = candidatesOf(desired, plan);
  return {
    version: actual.haproxy.version,
    services: fingerprintsOf(desired.backends),
    removes,
    isRest: removes.length === 0 && writes.length === 0,
  };
}

/** What a pass showed of HAProxy: the same object while that is the same. */
export function verdictOf(
  picture: Picture,
  rejected: Refusals,
  last: { readonly picture: Picture; readonly verdict: Verdict } | undefined,
): Verdict {
  const { actual, desired, reloads, rest } = picture;
  const isSame =
    reloads.length === 0 &&
    last?.verdict.reloaded === false &&
    last.picture.actual === actual &&
    last.picture.desired === desired &&
    last.picture.rest === rest;
  if (isSame) return last.verdict;
  const { rollout } = rest.gathering ?? {};
  const left = { ...rest, steps: [...rest.steps, ...(rest.kept ?? [])] };
  const missing = new Set([
    ...candidatesOf(desired, left).map(({ service }) => service),
    ...(rollout?.services ?? []),
  ]);
  const skipped = desired.skipped.filter(({ code }) => code === 'rejected-by-haproxy');
  const refused = skipped.flatMap(({ service }) => {
    const refusal = rejected[service];
    return refusal === undefined ? [] : [[service, refusal] as const];
  });
  return {
    version: actual.haproxy.version,
    inForce: fingerprintsOf(desired.backends.filter(({ service }) => !missing.has(service))),
    refused: Object.fromEntries(refused),
    backends: actual.backends,
    isDone: !rest.steps.some(isStructural),
    reloaded: reloads.length > 0,
  };
}

function fingerprintsOf(backends: View['desired']['backends']): Readonly<Record<string, string>> {
  return Object.fromEntries(backends.map(({ service, fingerprint }) => [service, fingerprint]));
}
