import type { Probe } from '../../../haproxy/server-check.js';

/** A server that waits for its check, and what the connector's own checks of it came to. */
export interface Waiting {
  readonly probe: Probe;
  /** Milliseconds, as all times here, of one monotonic clock. */
  readonly since: number;
  /**
   * HAProxy's own check took it DOWN, or may have: a passed check of ours counts only once one of ours
   * has failed too. Where the two disagree, HAProxy's own is right.
   */
  readonly isDoubted: boolean;
  readonly tries: number;
  /** In a row. */
  readonly passes: number;
  readonly passedAt: number;
  /** Undefined while it is checked. */
  readonly dueAt: number | undefined;
  /** Why the last one failed. */
  readonly failure?: string;
}

/** By server name. */
export type AllWaiting = Readonly<Record<string, Waiting>>;

/** A passed check is worth nothing after this. */
export const freshMs = 3000;

const leastMs = 100;
const mostMs = 60_000;
/** Share of the time that a server has waited. HAProxy checks one that is DOWN once a second. */
const share = 0.01;

/** What waits now. A server with another instance, address or check begins anew. */
export function nextWaiting(
  before: AllWaiting,
  probes: readonly Probe[],
  isDoubted: (server: string) => boolean,
  now: number,
): Record<string, Waiting> {
  const entries = probes.map((probe): [string, Waiting] => {
    const known = before[probe.server];
    const same = known?.probe.key === probe.key ? known : undefined;
    return [probe.server, same ?? newcomer(probe, isDoubted(probe.server), now)];
  });
  return Object.fromEntries(entries);
}

function newcomer(probe: Probe, isDoubted: boolean, now: number): Waiting {
  return { probe, since: now, isDoubted, tries: 0, passes: 0, passedAt: -Infinity, dueAt: now };
}

/** Those to check now: the ones that were checked least go first, so new ones needn't queue. */
export function dueNow<T extends Waiting>(
  all: readonly T[],
  now: number,
  most: number,
): readonly T[] {
  const due: T[] = [];
  // Thousands may wait, and few are taken: no list of all that are due is made and sorted.
  for (const one of all) {
    if (one.dueAt === undefined || one.dueAt > now) continue;
    let at = due.length;
    while (at > 0 && (due[at - 1] as T).tries > one.tries) at--;
    if (at >= most) continue;
    due.splice(at, 0, one);
    if (due.length > most) due.pop();
  }
  return due;
}

/** When the next one is due; Infinity if none is. */
export function nextDue(all: readonly Waiting[]): number {
  let next = Infinity;
  for (const { dueAt } of all) if (dueAt !== undefined && dueAt < next) next = dueAt;
  return next;
}

export function begun(one: Waiting): Waiting {
  return { ...one, tries: one.tries + 1, dueAt: undefined };
}

/** `failure`: why it failed; absent if it passed. */
export function checked(one: Waiting, failure: string | undefined, now: number): Waiting {
  const rising = failure === undefined && one.passes + 1 < one.probe.check.rise;
  const wait = Math.min(mostMs, Math.max(leastMs, (now - one.since) * share));
  const dueAt = now + (rising ? leastMs : wait);
  if (failure === undefined) return { ...one, passes: one.passes + 1, passedAt: now, dueAt };
  return { ...one, passes: 0, isDoubted: false, dueAt, failure };
}

export function hasPassed({ probe, isDoubted, passes, passedAt }: Waiting, now: number): boolean {
  return !isDoubted && passes >= probe.check.rise && now - passedAt <= freshMs;
}
