import type { ActualState } from '../actual/types.js';
import { isOpening } from '../diff/dispatch.js';
import type { Probe } from '../haproxy/server-check.js';
import { startProber } from '../observe/probe/prober.js';
import type { ProbeResult } from '../observe/probe/run-check.js';
import type { Waiting } from '../observe/probe/model/waiting.js';
import { doubtedIn } from '../pass/doubted.js';
import type { Picture } from '../pass/picture.js';

/** Whose passed check opened a server. */
export const openedBy = ['probe', 'haproxy'] as const;

export type OpenedBy = (typeof openedBy)[number];

export interface ProbesOptions {
  readonly onWake: () => void;
  readonly onResult: (result: ProbeResult['result']) => void;
  /** A server that waited is UP. `seconds`: since the pass that first saw it wait. */
  readonly onOpened: (by: OpenedBy, seconds: number) => void;
  readonly resyncIntervalMs: number;
  readonly signal: AbortSignal;
  readonly log: { debug(message: string, fields?: Record<string, unknown>): unknown };
}

/** Runs the checks that servers wait for. Every successful pass reports its picture here. */
export interface Probes {
  readonly succeeded: (picture: Picture) => void;
  readonly passed: (target: string) => ReadonlySet<string>;
}

export function startProbes(options: ProbesOptions): Probes {
  const { log, onOpened } = options;
  const pictures = new Map<string, Picture>();
  const prober = startProber({
    onPassed: options.onWake,
    onResult: options.onResult,
    staleMs: 2 * Math.max(30_000, options.resyncIntervalMs),
    signal: options.signal,
  });

  function succeeded(picture: Picture): void {
    const { target, actual, rest, steps } = picture;
    const opened = new Set(steps.filter(isOpening).map(({ key }) => key));
    for (const one of Object.values(prober.waiting(target))) {
      if (!isUp(actual, one.probe)) continue;
      const by = opened.has(one.probe.key) ? 'probe' : 'haproxy';
      const seconds = (performance.now() - one.since) / 1000;
      onOpened(by, seconds);
      log.debug('server is UP', factsOf(one, by, seconds));
    }
    const doubted = doubtedIn(pictures.get(target), picture);
    pictures.set(target, picture);
    prober.watch(target, rest.probes, (server) => doubted.has(server));
  }

  return { succeeded, passed: prober.passed };
}

function isUp({ backends }: ActualState, { backend, server }: Probe): boolean {
  const slot = backends[backend]?.slots.find(({ name }) => name === server);
  return slot?.runtime?.admin === 'ready' && slot.runtime.operational === 'up';
}

function factsOf({ probe, tries, failure }: Waiting, by: OpenedBy, seconds: number) {
  const { server, service } = probe;
  const last = failure === undefined ? {} : { lastFailure: failure };
  return { server, service, openedBy: by, seconds, probes: tries, ...last };
}
