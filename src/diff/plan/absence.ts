import type { Absence, Absences } from '../types.js';

export interface AbsenceInput {
  readonly before: Absences | undefined;
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly holdMs: number;
  /** What is absent from this read without a trace. */
  readonly absent: readonly string[];
  /** What HAProxy serves and this read has. */
  readonly present: ReadonlySet<string>;
}

/**
 * The most that passes between two reads. A longer silence (Nomad was down, a clock was set) says
 * nothing about what Nomad would have answered.
 */
const maxGapMs = 60_000;

/** What a read that can be trusted adds to what is known. */
export function nextAbsences({ before, nowMs, holdMs, absent, present }: AbsenceInput): Absences {
  const gap = Math.min(maxGapMs, Math.max(0, nowMs - (before?.readAt ?? nowMs)));
  const known = new Map(before?.known.map((one) => [one.what, one]));
  const now = new Set(absent);
  const aged = (one: Absence): Absence => ({ ...one, forMs: one.forMs + gap });
  const since = Math.floor(nowMs / 1000);
  const still = absent.map((what): Absence => {
    const one = known.get(what);
    return one === undefined ? { what, since, forMs: 0 } : aged(one);
  });
  const counted = [...known.values()]
    .filter(({ what, released }) => released === true && !now.has(what) && !present.has(what))
    .map(aged)
    .filter(({ forMs }) => forMs < holdMs);
  return { readAt: nowMs, known: [...still, ...counted] };
}

/** After a read that can't be trusted: what it has is there; what it lacks tells nothing. */
export function withoutPresent(
  before: Absences | undefined,
  present: ReadonlySet<string>,
): Absences {
  if (before === undefined) return { readAt: 0, known: [] };
  return { ...before, known: before.known.filter(({ what }) => !present.has(what)) };
}

export function release(absences: Absences, released: ReadonlySet<string>): Absences {
  if (released.size === 0) return absences;
  return {
    ...absences,
    known: absences.known.map((one) => (released.has(one.what) ? { ...one, released: true } : one)),
  };
}
