import { setMaxListeners } from 'node:events';

import type { Probe } from '../../haproxy/server-check.js';
import {
  type AllWaiting,
  begun,
  checked,
  dueNow,
  hasPassed,
  nextDue,
  nextWaiting,
  type Waiting,
} from './model/waiting.js';
import { type ProbeResult, runCheck } from './run-check.js';

export interface ProberOptions {
  /** A check has passed often enough for its server to be opened. */
  readonly onPassed: () => void;
  readonly onResult: (result: ProbeResult['result'], probe: Probe) => void;
  /** Nothing is checked after this long without news of what waits. */
  readonly staleMs: number;
  readonly signal: AbortSignal;
}

export interface Prober {
  /** What is to be checked now behind one target, and which of it HAProxy may have taken DOWN. */
  readonly watch: (
    target: string,
    probes: readonly Probe[],
    isDoubted: (server: string) => boolean,
  ) => void;
  readonly forget: (target: string) => void;
  /** These are not checked any more. */
  readonly end: (target: string, isOver: (server: string) => boolean) => void;
  readonly waiting: (target: string) => AllWaiting;
  /** Keys of the probes that pass at this moment. */
  readonly passed: (target: string) => ReadonlySet<string>;
}

/** At most `perTick` checks begin in each tick: 200 a second. */
const tickMs = 25;
const perTick = 5;
const mostRunning = 100;

/** Runs the checks of servers that wait for one. Idle while there is none. */
export function startProber({ onPassed, onResult, staleMs, signal }: ProberOptions): Prober {
  const targets = new Map<
    string,
    { readonly all: Record<string, Waiting>; readonly seenAt: number }
  >();
  let running = 0;
  let timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  let armedFor = Infinity;
  setMaxListeners(0, signal);
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });

  /** The next tick is not later than this, unless that is too soon after another. */
  function armFor(dueAt: number): void {
    const now = performance.now();
    const at = Math.max(now + tickMs, dueAt);
    if (signal.aborted || at >= armedFor) return;
    clearTimeout(timer);
    armedFor = at;
    timer = setTimeout(tick, at - now);
  }

  function tick(): void {
    armedFor = Infinity;
    const now = performance.now();
    for (const [name, { seenAt }] of targets) if (now - seenAt > staleMs) targets.delete(name);
    const most = Math.min(perTick, mostRunning - running);
    const candidates = [...targets].flatMap(([target, { all }]) =>
      dueNow(Object.values(all), now, most).map((one) => ({ ...one, target })),
    );
    for (const { target, probe } of dueNow(candidates, now, most)) void check(target, probe);
    for (const { all } of targets.values()) armFor(nextDue(Object.values(all)));
  }

  async function check(target: string, probe: Probe): Promise<void> {
    running += 1;
    edit(target, probe, begun);
    const { result, why } = await runCheck(probe, signal).finally(() => (running -= 1));
    if (signal.aborted) return;
    onResult(result, probe);
    const now = performance.now();
    edit(target, probe, (one) => {
      const next = checked(one, result === 'passed' ? undefined : (why ?? result), now);
      if (hasPassed(next, now) && !hasPassed(one, now)) onPassed();
      if (next.dueAt !== undefined) armFor(next.dueAt);
      return next;
    });
  }

  /** Unless it is another by now. */
  function edit(target: string, { server, key }: Probe, change: (one: Waiting) => Waiting): void {
    const known = targets.get(target);
    const one = known?.all[server];
    if (known === undefined || one?.probe.key !== key) return;
    known.all[server] = change(one);
  }

  return {
    watch: (target, probes, isDoubted) => {
      const now = performance.now();
      const all = nextWaiting(targets.get(target)?.all ?? {}, probes, isDoubted, now);
      targets.set(target, { all, seenAt: now });
      armFor(nextDue(Object.values(all)));
    },
    end: (target, isOver) => {
      const known = targets.get(target);
      if (known === undefined) return;
      const left = Object.entries(known.all).filter(([server]) => !isOver(server));
      targets.set(target, { ...known, all: Object.fromEntries(left) });
    },
    forget: (target) => {
      targets.delete(target);
    },
    waiting: (target) => targets.get(target)?.all ?? {},
    passed: (target) => {
      const now = performance.now();
      const all = Object.values(targets.get(target)?.all ?? {});
      return new Set(all.filter((one) => hasPassed(one, now)).map(({ probe }) => probe.key));
    },
  };
}
