import type { Plan } from '../diff/types.js';

/** What a pass left in motion, and how often it was looked at since. */
export interface Watched {
  readonly what: string;
  readonly looks: number;
}

export interface Recheck {
  readonly watched: Watched;
  /** Undefined: nothing needs another look. */
  readonly afterMs?: number;
}

type Left = Pick<Plan, 'held' | 'inMotion' | 'steps' | 'waiting'> &
  Partial<Pick<Plan, 'gathering' | 'skipped'>>;

/**
 * | a pass leaves | looked at after | slower from |
 * |---|---|---|
 * | removals that a second read can release | 0.5 s | the second look on |
 * | removals that only time can release | 0.5 s, and when the time is up | the second look on |
 * | steps that are left to do | 1 s | the third |
 * | steps that wait for a reload | when that may be | never |
 * | a drain, an instance that leaves | 1 s | the sixtieth |
 * | services whose instances Nomad didn't give | 1 s | the second look on |
 * | servers that wait for their checks | 1 s | never: after the sixtieth nobody looks |
 *
 * Slower: twice the time at each look, up to `maxMs`. It begins anew when what is left changes.
 */
export function nextLook(rest: Left, last: Watched | undefined, maxMs: number): Recheck {
  const kind = kindOf(rest);
  const what = kind === undefined ? '' : `${kind} ${JSON.stringify(subjectOf(kind, rest))}`;
  const looks = last?.what === what ? last.looks + 1 : 1;
  const watched = { what, looks };
  if (kind === undefined) return { watched };
  const { firstMs, steady } = paces[kind];
  if (kind === 'waiting' && looks > steady) return { watched };
  const paceMs = Math.min(maxMs, firstMs * 2 ** Math.min(30, Math.max(0, looks - steady)));
  const { gathering } = rest;
  return {
    watched,
    afterMs: Math.min(paceMs, untilRelease(rest), Math.ceil(gathering?.afterMs ?? Infinity)),
  };
}

/** How often Nomad is asked whether it lasts: less than what counts as one absence, see absence.ts. */
const maxHeldMs = 30_000;
const minHeldMs = 500;

function untilRelease({ held }: Pick<Plan, 'held'>): number {
  if (held?.lasting === undefined) return Infinity;
  return Math.min(maxHeldMs, Math.max(minHeldMs, held.lasting.remainingMs));
}

type Kind = 'held' | 'steps' | 'motion' | 'unread' | 'waiting';

const paces: Readonly<Record<Kind, { readonly firstMs: number; readonly steady: number }>> = {
  held: { firstMs: 500, steady: 1 },
  steps: { firstMs: 1000, steady: 2 },
  motion: { firstMs: 1000, steady: 60 },
  unread: { firstMs: 1000, steady: 1 },
  waiting: { firstMs: 1000, steady: 60 },
};

function kindOf({ held, inMotion, steps, waiting, skipped = [] }: Left): Kind | undefined {
  if (held?.releasable === true) return 'held';
  if (steps.length > 0) return 'steps';
  if (inMotion) return 'motion';
  if (skipped.some(({ code }) => code === 'unreadable')) return 'unread';
  return waiting.length > 0 ? 'waiting' : undefined;
}

/** What makes it another one: a drain that goes on is the same whichever slots have ended theirs. */
function subjectOf(kind: Kind, { held, steps, waiting, skipped }: Left): unknown {
  if (kind === 'held') return [held?.instances, held?.backends];
  if (kind === 'unread') return skipped;
  return kind === 'steps' ? steps : waiting;
}
