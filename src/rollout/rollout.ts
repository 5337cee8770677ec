import type { Rejection } from '../desired/types.js';
import { asConnectorError } from '../shared/errors.js';
import { keep } from '../shared/keep.js';
import { before, judge, type Since } from './judge.js';
import type { Judged, Known, Verdict, Wanted, World } from './types.js';

/** How an HAProxy's passes learn whether a change that needs a reload is its turn. */
export interface Rollout {
  /** What HAProxies before this one refused, of the same version. The same object while it is the same. */
  readonly refusedFor: (target: string, version: string) => Readonly<Record<string, Rejection>>;
  /**
   * Asked before each commit with a reload. `part`: without these services. Whoever may go has to
   * `leave`. `isPart`: what waits was left out already.
   */
  readonly ask: (target: string, wanted: Wanted, isPart?: boolean) => Turn;
  readonly leave: (target: string) => void;
  /** A pass over it that may write has ended. */
  readonly passed: (target: string, verdict: Verdict) => void;
  readonly failed: (target: string) => void;
  /** It has left, or another connector writes: what was seen of it no longer counts. */
  readonly forget: (target: string) => void;
  /** Resolves when the target is called, after `ms`, or rejects with the signal's reason. */
  readonly called: (target: string, ms: number, signal: AbortSignal) => Promise<void>;
  readonly status: () => RolloutStatus;
}

export type Turn =
  | { readonly kind: 'go' }
  | ({ readonly kind: 'part'; readonly services: readonly string[] } & Waiting)
  | ({ readonly kind: 'wait' } & Waiting);

/** What an HAProxy waits for. */
export interface Waiting {
  /** Until it is to ask again. It is called before, if it may go. */
  readonly afterMs: number;
  /** Names of the HAProxies whose verdict is missing; none: its turn is yet to come. */
  readonly for: readonly string[];
  /** It waits for longer than anybody should. */
  readonly isLate: boolean;
}

export interface RolloutStatus {
  /** Undefined: none can be reached. */
  readonly canary?: string;
  readonly targets: readonly TargetStatus[];
}

export interface TargetStatus {
  readonly name: string;
  /** Services that wait for a verdict. */
  readonly services: number;
  /** Milliseconds since when it waits for anything; undefined: it doesn't. */
  readonly waitedMs?: number;
}

export interface RolloutOptions {
  /** Names of all targets, as they are now. */
  readonly targets: () => readonly string[];
  /** Undefined: the first by name. */
  readonly canary?: string;
  readonly settleMs: number;
  readonly maxParallel: number;
  /** How long one waits for another that gives no verdict. */
  readonly patienceMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
  /** Runs something once, so much later, unless it is cancelled. */
  readonly later?: (ms: number, run: () => void) => () => void;
  /** It may go: its next pass is to ask again. */
  readonly onTurn?: (target: string) => void;
}

/** Who was called has so long to begin, then the next is. */
const callMs = 5000;

interface Place {
  readonly wanted: Wanted;
  readonly judged: Judged;
  /** Since when each key waits. */
  readonly since: ReadonlyMap<string, number>;
  readonly waitsSince: number;
  /** It waits for others to be done. */
  readonly isQueued: boolean;
}

export function createRollout(options: RolloutOptions): Rollout {
  const { settleMs, maxParallel, patienceMs, now = () => performance.now() } = options;
  const { later = timer } = options;
  const known = new Map<string, Known>();
  const places = new Map<string, Place>();
  /** Who writes or was called, until when at most. */
  const turns = new Map<string, number>();
  const refused = new Map<string, Readonly<Record<string, Rejection>>>();
  /** Who was called and has not asked since. */
  const calls = new Set<string>();
  const waiters = new Map<string, () => void>();
  const isAway = (name: string): boolean => known.get(name)?.failedAt !== undefined;

  let cancel: (() => void) | undefined;

  function world(): World {
    return { order: orderOf(options), known, settleMs, patienceMs, now: now() };
  }

  /** Undefined: it has one. Otherwise milliseconds until one is free at the latest. */
  function takeTurn(target: string, ms: number, { now: at, order }: World): number | undefined {
    if (before(target, order).every(isAway)) return undefined;
    for (const [name, until] of turns) {
      if (until <= at || !order.includes(name)) turns.delete(name);
    }
    const others = [...turns].filter(([name]) => name !== target);
    if (others.length >= maxParallel) return Math.min(...others.map(([, until]) => until - at));
    turns.set(target, at + ms);
    return undefined;
  }

  /** Calls those that may go now, in order, as far as there are turns. `upTo`: those before it. */
  function review(upTo?: string): void {
    const seen = world();
    let nextMs = Infinity;
    for (const name of seen.order) {
      if (name === upTo) break;
      const place = places.get(name);
      if (place === undefined || turns.has(name) || calls.has(name)) continue;
      const { wanted, judged, isQueued } = place;
      if (isRefused(name, place)) {
        call(name);
        continue;
      }
      const next = judge(name, waitingPart(wanted, judged), seen, sinceIn(place, seen.now));
      const isLess = next.services.length < judged.services.length;
      const mayGo = !next.isWhole && (isQueued || judged.isWhole || isLess);
      const ms = mayGo ? takeTurn(name, callMs, seen) : next.afterMs;
      if (ms !== undefined) nextMs = Math.min(nextMs, ms);
      else call(name);
    }
    if (upTo !== undefined) return;
    cancel?.();
    cancel = nextMs === Infinity ? undefined : later(Math.max(1, nextMs), () => review());
  }

  /** Its next look skips what another of its version refused: nothing waits for that. */
  function isRefused(target: string, { wanted, judged }: Place): boolean {
    const elsewhere = refusedFor(target, wanted.version);
    return judged.services.some(
      (service) => elsewhere[service]?.fingerprint === wanted.services[service],
    );
  }

  function refusedFor(target: string, version: string): Readonly<Record<string, Rejection>> {
    const { order } = world();
    const earlier = before(target, order).flatMap((name) => {
      const { verdict, failedAt } = known.get(name) ?? {};
      return verdict?.version === version && failedAt === undefined ? [{ name, verdict }] : [];
    });
    const kept = keep(refused.get(target), refusedBy(earlier));
    refused.set(target, kept);
    return kept;
  }

  /** Who skips something because another refused it, and may try it now. */
  function callSkipping(): void {
    for (const [name, last] of refused) {
      const { version } = known.get(name)?.verdict ?? {};
      if (version === undefined || Object.keys(last).length === 0) continue;
      if (refusedFor(name, version) !== last) call(name);
    }
  }

  function call(target: string): void {
    calls.add(target);
    waiters.get(target)?.();
    options.onTurn?.(target);
  }

  function ask(target: string, wanted: Wanted, isPart = false): Turn {
    if (orderOf(options).length < 2) return { kind: 'go' };
    calls.delete(target);
    const turn = decide(target, wanted, isPart);
    // What isn't left out may go before the others, which are called when its pass has ended.
    if (turn.kind !== 'part') review();
    return turn;
  }

  function decide(target: string, wanted: Wanted, isPart: boolean): Turn {
    const seen = world();
    const last = places.get(target);
    const judged = judge(target, wanted, seen, sinceIn(last, seen.now));
    const place = placeOf(last, wanted, judged, seen.now);
    const waiting = waitingOf(judged, place, seen);
    const { services } = judged;
    if (!isPart) places.set(target, place);
    if (!isPart && !judged.isWhole && services.length > 0) {
      return { kind: 'part', services, ...waiting };
    }
    if (judged.isWhole || services.length > 0) {
      turns.delete(target);
      return { kind: 'wait', ...waiting };
    }
    // Whoever is before it and may go as well has the first turn.
    if (!turns.has(target)) review(target);
    const untilTurnMs = takeTurn(target, patienceMs, seen);
    if (untilTurnMs === undefined) {
      if (!isPart) places.delete(target);
      return { kind: 'go' };
    }
    places.set(target, { ...(places.get(target) ?? place), isQueued: true });
    return { kind: 'wait', ...waiting, afterMs: untilTurnMs };
  }

  function leave(target: string): void {
    if (turns.delete(target)) review();
  }

  function passed(target: string, verdict: Verdict): void {
    const last = known.get(target);
    if (verdict.isDone) places.delete(target);
    // A turn that it was called for and made no use of.
    const isFreed = !calls.has(target) && turns.delete(target);
    const isNews = last?.verdict !== verdict || last.failedAt !== undefined;
    if (isNews) known.set(target, { verdict, took: tookBy(last, verdict, now(), settleMs) });
    if (isNews) callSkipping();
    if (isNews || isFreed || places.size > 0) review();
  }

  function failed(target: string): void {
    const last = known.get(target) ?? { took: {} };
    known.set(target, { ...last, failedAt: last.failedAt ?? now() });
    drop(target);
    callSkipping();
    review();
  }

  function drop(target: string): void {
    places.delete(target);
    turns.delete(target);
    calls.delete(target);
  }

  function called(target: string, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        waiters.delete(target);
      };
      const abort = (): void => {
        end();
        reject(asConnectorError(signal.reason));
      };
      const done = (): void => {
        end();
        resolve();
      };
      const timer = setTimeout(done, Math.ceil(ms));
      waiters.set(target, done);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      else if (calls.has(target)) done();
    });
  }

  return {
    ...{ ask, leave, passed, failed },
    ...{ called, refusedFor },
    forget: (target) => {
      known.delete(target);
      refused.delete(target);
      drop(target);
      callSkipping();
      review();
    },
    status: () => {
      const { order, now: at } = world();
      const canary = order.find((name) => !isAway(name));
      const targets = order.map((name) => statusOf(name, places.get(name), at));
      return { ...(canary === undefined ? {} : { canary }), targets };
    },
  };
}

/** It keeps no process running. */
function timer(ms: number, run: () => void): () => void {
  const timeout = setTimeout(run, Math.ceil(ms)).unref();
  return () => clearTimeout(timeout);
}

/** The canary, then the others by name. */
export function orderOf({
  targets,
  canary,
}: Pick<RolloutOptions, 'targets' | 'canary'>): readonly string[] {
  const names = [...new Set(targets())].sort();
  if (canary === undefined || !names.includes(canary)) return names;
  return [canary, ...names.filter((name) => name !== canary)];
}

function sinceIn(place: Place | undefined, now: number): Since {
  return (key) => place?.since.get(key) ?? now;
}

function placeOf(last: Place | undefined, wanted: Wanted, judged: Judged, now: number): Place {
  const since = sinceIn(last, now);
  return {
    ...{ wanted, judged },
    since: new Map(judged.keys.map((key) => [key, since(key)])),
    waitsSince: last?.waitsSince ?? now,
    isQueued: false,
  };
}

/** What it waits for, without all that may go anyway. */
function waitingPart(wanted: Wanted, { services }: Judged): Wanted {
  const some = services.map((service) => [service, wanted.services[service] ?? ''] as const);
  return { ...wanted, services: Object.fromEntries(some) };
}

function waitingOf(judged: Judged, { waitsSince }: Place, { now, patienceMs }: World): Waiting {
  return {
    afterMs: judged.afterMs,
    for: judged.for,
    isLate: now - waitsSince >= patienceMs,
  };
}

/** What is in force since this pass, which loaded something, has yet to settle. */
function tookBy(
  last: Known | undefined,
  { inForce, reloaded }: Verdict,
  now: number,
  settleMs: number,
): Known['took'] {
  const before = last?.verdict?.inForce ?? {};
  const took = Object.entries(inForce).flatMap(([service, fingerprint]): [string, number][] => {
    if (before[service] !== fingerprint) return reloaded ? [[service, now]] : [];
    const at = last?.took[service];
    return at === undefined || now - at >= settleMs ? [] : [[service, at]];
  });
  return Object.fromEntries(took);
}

function refusedBy(
  targets: readonly { readonly name: string; readonly verdict: Verdict }[],
): Readonly<Record<string, Rejection>> {
  const all = targets.flatMap(({ name, verdict }) =>
    Object.entries(verdict.refused).map(([service, { fingerprint, reason }]) => {
      return [service, { fingerprint, reason: `refused by ${name}: ${reason}` }] as const;
    }),
  );
  // The first one's counts.
  return Object.fromEntries(all.reverse());
}

function statusOf(name: string, place: Place | undefined, now: number): TargetStatus {
  if (place === undefined) return { name, services: 0 };
  const { judged, waitsSince } = place;
  return { name, services: judged.services.length, waitedMs: now - waitsSince };
}
