import type { Phase } from './phases.js';

export interface Times {
  /** Unix milliseconds. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Milliseconds per phase, summed over repetitions. */
  readonly phases: Readonly<Partial<Record<Phase, number>>>;
}

/** Runs a sync or async task and records its duration. */
export type Timed = <T>(phase: Phase, task: () => T) => T;

export interface Stopwatch {
  readonly timed: Timed;
  readonly read: () => Times;
}

export function startStopwatch(
  now: () => number,
  onPhase: (phase: Phase, ms: number) => void = () => undefined,
): Stopwatch {
  const startedAt = now();
  const phases: Partial<Record<Phase, number>> = {};
  const timed: Timed = (phase, task) => {
    const start = performance.now();
    const done = (): void => {
      const ms = performance.now() - start;
      phases[phase] = (phases[phase] ?? 0) + ms;
      onPhase(phase, ms);
    };
    const result = task();
    if (result instanceof Promise) {
      // The caller handles the failure. Only the time matters here.
      result.then(done, done);
    } else {
      done();
    }
    return result;
  };
  return { timed, read: () => ({ startedAt, endedAt: now(), phases: { ...phases } }) };
}

/** A target's times, with the phases that all targets share. */
export function together(shared: Times, own: Times): Times {
  return { ...own, phases: { ...shared.phases, ...own.phases } };
}
