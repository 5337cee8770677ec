import type { ActualSlot } from '../actual/types.js';
import type { Settings } from '../config/types.js';
import { isOpening, isSlotStep, isStructureWrite } from '../diff/dispatch.js';
import { probesInSlices } from '../diff/plan/probes.js';
import { isWaiting } from '../diff/plan/server-facts.js';
import { instanceBehind, instanceText } from '../diff/print/instance.js';
import type { SlotBefore, Step } from '../diff/types.js';
import { startProber } from '../observe/probe/prober.js';
import type { ProbeResult } from '../observe/probe/run-check.js';
import type { Picture, Written } from '../pass/picture.js';
import { runInSlices } from '../shared/slices.js';

/** Whose passed check brought a server UP. */
export const openedBy = ['probe', 'haproxy'] as const;

export type OpenedBy = (typeof openedBy)[number];

export interface ProbesOptions {
  readonly settings: Pick<Settings, 'checks' | 'routing' | 'sync'>;
  readonly onWake: () => void;
  readonly onResult: (result: ProbeResult['result']) => void;
  /** A server that waited is UP. `seconds`: since the pass that first saw it wait. */
  readonly onOpened: (by: OpenedBy, seconds: number) => void;
  readonly signal: AbortSignal;
  readonly log: { debug(message: string, fields?: Record<string, unknown>): unknown };
}

/** Runs the checks that servers wait for. Every successful pass reports its picture here. */
export interface Probes {
  /** A pass has put instances into servers, and goes on. */
  readonly written: (written: Written) => void;
  readonly succeeded: (picture: Picture) => void;
  readonly passed: (target: string) => ReadonlySet<string>;
  readonly left: (target: string) => void;
}

/** By server name, in milliseconds of a monotonic clock. */
interface Known {
  /** The last that a pass told. */
  seen?: Written;
  /** When a pass gave it another instance, or the same one anew. */
  readonly begun: Map<string, number>;
  readonly waiting: Map<string, number>;
}

/**
 * How long an instance counts as new. What HAProxy's check takes DOWN later was well before, so a
 * passed check alone doesn't open it. A restarted instance that HAProxy still has UP is checked for as
 * long: its process may be gone, and back before HAProxy or Nomad say so.
 */
const newForMs = 60_000;

export function startProbes(options: ProbesOptions): Probes {
  const { settings, signal } = options;
  const targets = new Map<string, Known>();
  const prober = startProber({
    onPassed: options.onWake,
    onResult: options.onResult,
    staleMs: 2 * Math.max(30_000, settings.sync.resyncIntervalMs),
    signal,
  });

  function written(seen: Written): void {
    if (seen.steps.flatMap(begunBy).length > 0) void watch(seen, [], begin(seen));
  }

  function succeeded(picture: Picture): void {
    const { target, rest } = picture;
    const known = begin(picture);
    noticeOpened(picture, known, performance.now());
    prober.end(target, (one) => !known.waiting.has(one) && !known.begun.has(one));
    void watch(picture, rest.steps, known);
  }

  function begin({ target, steps }: Written): Known {
    const now = performance.now();
    const known = targets.get(target) ?? nothingKnown();
    targets.set(target, known);
    for (const [server, at] of known.begun) if (now - at > newForMs) known.begun.delete(server);
    for (const server of steps.flatMap(begunBy)) known.begun.set(server, now);
    return known;
  }

  async function watch(seen: Written, left: readonly Step[], known: Known): Promise<void> {
    known.seen = seen;
    const isNew = new Set(known.begun.keys());
    const probes = await runInSlices(probesInSlices({ ...seen, settings }, left, isNew));
    // Another pass was faster.
    if (known.seen !== seen) return;
    prober.watch(seen.target, probes, (server) => !isNew.has(server));
  }

  function noticeOpened(
    { target, actual, steps, catalog }: Picture,
    known: Known,
    now: number,
  ): void {
    const opened = new Set(steps.filter(isOpening).map(({ server }) => server));
    const waiting = new Set<string>();
    for (const slot of Object.values(actual.backends).flatMap(({ slots }) => slots)) {
      const since = known.waiting.get(slot.name);
      if (isWaiting(slot)) waiting.add(slot.name);
      else if (since !== undefined && slot.runtime?.admin === 'ready') {
        known.begun.delete(slot.name);
        const by = opened.has(slot.name) ? 'probe' : 'haproxy';
        tell({ target, slot, catalog, by, ms: now - since });
      }
    }
    for (const name of known.waiting.keys()) if (!waiting.has(name)) known.waiting.delete(name);
    for (const name of waiting) if (!known.waiting.has(name)) known.waiting.set(name, now);
  }

  function tell({ target, slot, catalog, by, ms }: Opened): void {
    options.onOpened(by, ms / 1000);
    const server = slot.name;
    const { tries: probes = 0, failure } = prober.waiting(target)[server] ?? {};
    const instance = instanceBehind(slot.service, slot.binding);
    const nodeOf = (allocId: string) => catalog.allocations[allocId]?.node;
    options.log.debug('server is UP', {
      server,
      ...(instance === undefined ? {} : { instance: instanceText(instance, nodeOf) }),
      ...{ openedBy: by, waitedMs: ms, probes },
      ...(failure === undefined ? {} : { lastFailure: failure }),
    });
  }

  return {
    written,
    succeeded,
    passed: prober.passed,
    left: (target) => {
      // What is being worked out about it is not begun.
      delete targets.get(target)?.seen;
      targets.delete(target);
      prober.forget(target);
    },
  };
}

interface Opened extends Pick<Picture, 'target' | 'catalog'> {
  readonly slot: ActualSlot;
  readonly by: OpenedBy;
  readonly ms: number;
}

function nothingKnown(): Known {
  return { begun: new Map(), waiting: new Map() };
}

/** Names of the servers to which a step gives another instance, or that it makes wait. */
function begunBy(step: Step): readonly string[] {
  if (!isSlotStep(step) && !isStructureWrite(step)) return [];
  const slots = 'slots' in step ? step.slots : [step.slot];
  const before = 'before' in step ? [step.before].flat() : [];
  const known = new Map(before.map((slot) => [slot.name, slot]));
  const waits = 'gated' in step && step.gated;
  return slots
    .filter((slot) => slot.binding !== undefined && slot.admin === 'ready')
    .filter((slot) => waits || !isSame(known.get(slot.name), slot))
    .map(({ name }) => name);
}

function isSame(one: SlotBefore | undefined, other: SlotBefore): boolean {
  return (
    one?.binding?.id === other.binding?.id &&
    one?.binding?.createIndex === other.binding?.createIndex &&
    one?.config.address === other.config.address &&
    one.config.port === other.config.port
  );
}
