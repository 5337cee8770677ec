import type { Rejection } from '../desired/types.js';

/** A rejection, and when it is to be tried once more: what caused it may be gone by then. */
export interface Refusal extends Rejection {
  /** When it was refused the last time, Unix milliseconds. */
  readonly at: number;
  /** How often it was refused. */
  readonly tries: number;
  /** It was refused together with others, any of which may be the cause: it is tried by itself. */
  readonly alone?: true;
}

/** By service. */
export type Refusals = Readonly<Record<string, Refusal>>;

const firstMs = 60_000;
const longestMs = 3_600_000;

/** What HAProxy has just refused: for the first time, or once more. `together`: it names nobody. */
export function refused(
  known: Refusals,
  found: Readonly<Record<string, Rejection>>,
  now: number,
  together = false,
): Refusals {
  const refusals = Object.entries(found).map(([service, { fingerprint, reason }]) => {
    const before = known[service]?.fingerprint === fingerprint ? known[service] : undefined;
    const alone = together || before?.alone === true;
    const refusal = { fingerprint, reason, at: now, tries: (before?.tries ?? 0) + 1 };
    return [service, alone ? { ...refusal, alone } : refusal];
  });
  return { ...known, ...(Object.fromEntries(refusals) as Refusals) };
}

/** What was tried is accepted: what refused it may have refused the others, too. */
export function accepted(known: Refusals, services: readonly string[]): Refusals {
  const others = Object.entries(known).filter(([service]) => !services.includes(service));
  return Object.fromEntries(
    others.map(([service, { alone: _, ...refusal }]) => [service, refusal]),
  );
}

/** HAProxy is another, or has another configuration, than the one that refused these. */
export function allDue(known: Refusals): Refusals {
  const due = Object.entries(known).map(([service, { alone: _, ...refusal }]) => {
    return [service, { ...refusal, at: 0 }];
  });
  return Object.fromEntries(due) as Refusals;
}

/**
 * The services of the next try, which costs one reload at the most: all that are due, or one of
 * those that were refused together. After the first minute, then twice as long each time, up to an hour.
 */
export function nextTry(
  known: Refusals,
  skipped: readonly string[],
  now: number,
): readonly string[] {
  const due = Object.entries(known)
    .filter(([service, refusal]) => skipped.includes(service) && isDue(refusal, now))
    .sort(([, a], [, b]) => a.at - b.at);
  const together = due.filter(([, { alone }]) => alone !== true);
  return (together.length > 0 ? together : due.slice(0, 1)).map(([service]) => service);
}

/** A clock that was set back makes nobody wait for longer. */
function isDue({ at, tries }: Refusal, now: number): boolean {
  const waitMs = Math.min(longestMs, firstMs * 2 ** Math.min(30, tries - 1));
  return now < at || now - at >= waitMs;
}
