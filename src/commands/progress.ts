import { formatMs } from '../desired/check-section.js';
import type { Phase } from '../pass/phases.js';

/** What has happened of a pass so far. */
export interface Seen {
  readonly nomad: number;
  readonly haproxy: number;
  readonly done: readonly Phase[];
}

export interface Progress {
  readonly onNomad: () => void;
  readonly onDataPlane: () => void;
  readonly onPhase: (phase: Phase) => void;
  /** Shows one line while the task takes longer than a moment, and clears it in the end. */
  readonly during: <T>(task: () => Promise<T>) => Promise<T>;
}

export interface ProgressOptions {
  /** To a terminal. */
  readonly write: (text: string) => void;
  /** A pass that is faster shows nothing. */
  readonly afterMs?: number;
  readonly everyMs?: number;
}

const clear = '\r\u001b[K';

export function createProgress({
  write,
  afterMs = 1000,
  everyMs = 200,
}: ProgressOptions): Progress {
  let seen: Seen = { nomad: 0, haproxy: 0, done: [] };
  const during = async <T>(task: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    let isShown = false;
    const timer = setInterval(() => {
      const ms = performance.now() - start;
      if (ms < afterMs) return;
      isShown = true;
      write(`${clear}${progressLine(seen, ms)}`);
    }, everyMs);
    try {
      return await task();
    } finally {
      clearInterval(timer);
      if (isShown) write(clear);
    }
  };
  return {
    onNomad: () => (seen = { ...seen, nomad: seen.nomad + 1 }),
    onDataPlane: () => (seen = { ...seen, haproxy: seen.haproxy + 1 }),
    onPhase: (phase) => {
      if (!seen.done.includes(phase)) seen = { ...seen, done: [...seen.done, phase] };
    },
    during,
  };
}

const done: Readonly<Record<Phase, string>> = {
  observe: 'Nomad read',
  actual: 'HAProxy read',
  desired: 'desired state computed',
  diff: 'planned',
  apply: 'applied',
};

/** `3s: 812 answers from Nomad, 6 from HAProxy; Nomad read`. */
export function progressLine({ nomad, haproxy, done: phases }: Seen, ms: number): string {
  const counts = `${nomad} answers from Nomad, ${haproxy} from HAProxy`;
  const steps = phases.map((phase) => done[phase]).join(', ');
  return `${formatMs(Math.floor(ms / 1000) * 1000)}: ${counts}${steps === '' ? '' : `; ${steps}`}`;
}
