import type { Rejection } from '../desired/types.js';

/** A rejection with its retry schedule, as its cause may disappear. */
export interface Refusal extends Rejection {
  /** Time of the last refusal, Unix milliseconds. */
  readonly at: number;
  /** Number of refusals. */
  readonly tries: number;
  /** Refused together with others, any of which may be the cause: retried alone. */
  readonly alone?: true;
}

/** By service. */
export type Refusals = Readonly<Record<string, Refusal>>;

const firstMs = 60_000;
const longestMs = 3_600_000;

/** Records new or repeated refusals. `together`: HAProxy named no service. */
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

/**
 * A retry was accepted. The others may have had the same cause, so they are no longer retried one
 * by one.
 */
export function accepted(known: Refusals, services: readonly string[]): Refusals {
  const others = Object.entries(known).filter(([service]) => !services.includes(service));
  return Object.fromEntries(
    others.map(([service, { alone: _, ...refusal }]) => [service, refusal]),
  );
}

/** HAProxy's process or configuration has changed since these refusals. */
export function allDue(known: Refusals): Refusals {
  const due = Object.entries(known).map(([service, { alone: _, ...refusal }]) => {
    return [service, { ...refusal, at: 0 }];
  });
  return Object.fromEntries(due) as Refusals;
}

/**
 * The services to retry next, at the cost of at most one reload: all that are due, or one of those
 * refused together. The delay starts at a minute and doubles up to an hour.
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

/** A clock that was set back must not lengthen the delay. */
function isDue({ at, tries }: Refusal, now: number): boolean {
  const waitMs = Math.min(longestMs, firstMs * 2 ** Math.min(30, tries - 1));
  return now < at || now - at >= waitMs;
}
