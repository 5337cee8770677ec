/** Runs the scenario again and again, each time with a fault at one of its requests. */

import type { SeenRequest } from '../../fixtures/stack/interceptor.js';
import { waitFor } from '../../fixtures/process.js';
import { check, checkLoad, waitServed, waitSettled } from './checks.js';
import { resetClock } from './clock.js';
import { calmDown, type Fault, waitStruck } from './faults.js';
import { type Phase, phases } from './phases.js';
import { distinct, nameOf, type Party, requestOf, type Step } from './steps.js';
import {
  ensureConnector,
  type Nomad,
  startProgram,
  startWorld,
  stopConnectors,
  type World,
} from './world.js';

export interface Cell {
  readonly fault: Fault;
  readonly step: Step;
}

export interface Result {
  readonly fault: string;
  readonly step: string;
  /** `unreached`: this time the request was not asked for. `left`: there was no time. */
  readonly outcome: 'ok' | 'failed' | 'unreached' | 'skipped' | 'left';
  readonly why?: string;
  readonly ms: number;
}

export interface TableOptions {
  readonly nomad: Nomad;
  readonly faults: readonly Fault[];
  /** Which of the recorded requests. */
  readonly choose?: (cell: Cell) => boolean;
  /** Of all cases, in percent: a fair sample of them, of which others are the rest. */
  readonly part?: { readonly from: number; readonly to: number };
  /** No case begins after this many seconds. */
  readonly seconds?: number;
  readonly shard?: { readonly index: number; readonly of: number };
  readonly onResult?: (result: Result, left: number) => void;
}

export interface Table {
  readonly origin: string;
  readonly steps: readonly string[];
  readonly results: readonly Result[];
}

export async function runTable(options: TableOptions): Promise<Table> {
  let world = await startWorld(options.nomad);
  const results: Result[] = [];
  try {
    const { origin } = world.stack;
    const steps = distinct(await recordLap(world));
    const { todo, skipped } = cellsOf(world, steps, options);
    results.push(...skipped);
    const report = (result: Result): void => {
      results.push(result);
      options.onResult?.(result, todo.length);
    };
    const end = performance.now() + 1000 * (options.seconds ?? 3600);
    // Those with a connector apart, so that it isn't exchanged all the time.
    for (const isApart of [false, true]) {
      while (performance.now() < end) {
        const lap = takeLap(todo, isApart);
        if (lap.size === 0) break;
        if (await runLap(world, lap, report, (cell) => todo.unshift(cell))) continue;
        await closeBroken(world);
        world = await startWorld(options.nomad);
        await recordLap(world);
      }
    }
    results.push(...todo.map((cell) => ({ ...namesOf(cell), outcome: 'left' as const, ms: 0 })));
    return { origin, steps: steps.map(nameOf), results };
  } finally {
    await world.close();
  }
}

async function closeBroken(world: World): Promise<void> {
  await calmDown(world).catch(() => undefined);
  resetClock();
  await world.close();
}

function cellsOf(
  world: World,
  steps: readonly Step[],
  {
    faults,
    choose = () => true,
    part = { from: 0, to: 100 },
    shard = { index: 0, of: 1 },
  }: TableOptions,
): { todo: Cell[]; skipped: Result[] } {
  const all = faults.flatMap((fault) =>
    steps.map((step) => ({ fault, step })).filter((cell) => fault.fits(cell.step) && choose(cell)),
  );
  const [from, to] = [part.from, part.to].map((share) => Math.round((all.length * share) / 100));
  const chosen = spread(all).slice(from, to);
  const own = chosen.filter((_, at) => at % shard.of === shard.index);
  const isMissing = ({ fault }: Cell): boolean => fault.missing?.(world) !== undefined;
  const skipped = own.filter(isMissing).map((cell): Result => {
    const why = cell.fault.missing?.(world) ?? '';
    return { ...namesOf(cell), outcome: 'skipped', why, ms: 0 };
  });
  return { todo: own.filter((cell) => !isMissing(cell)), skipped };
}

/** In an order in which any part of it is a fair sample. */
function spread<T>(items: readonly T[]): T[] {
  const golden = 0.618034;
  return items
    .map((item, at) => ({ item, place: (at * golden) % 1 }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}

function namesOf({ fault, step }: Cell): Pick<Result, 'fault' | 'step'> {
  return { fault: fault.name, step: nameOf(step) };
}

/** One cell for each phase that has any left. */
function takeLap(todo: Cell[], isApart: boolean): Map<string, Cell> {
  const lap = new Map<string, Cell>();
  for (const { name } of phases) {
    const at = todo.findIndex(
      ({ fault, step }) => step.phase === name && (fault.program === true) === isApart,
    );
    const [cell] = at < 0 ? [] : todo.splice(at, 1);
    if (cell !== undefined) lap.set(name, cell);
  }
  return lap;
}

/** False where the stack is of no use any more. */
async function runLap(
  world: World,
  lap: ReadonlyMap<string, Cell>,
  report: (result: Result) => void,
  putBack: (cell: Cell) => void,
): Promise<boolean> {
  const wanted = new Set([...lap.keys()].flatMap((name) => [name, ...needsOf(name)]));
  const all = phases.filter(({ name }) => wanted.has(name));
  for (const [at, phase] of all.entries()) {
    const cell = lap.get(phase.name);
    const begun = performance.now();
    const end = (outcome: Result['outcome'], why?: string): void => {
      if (cell === undefined) return;
      const ms = Math.round(performance.now() - begun);
      report({ ...namesOf(cell), outcome, ...(why === undefined ? {} : { why }), ms });
    };
    try {
      end((await runPhase(world, phase, cell)) ? 'ok' : 'unreached');
    } catch (error) {
      end('failed', whyOf(world, error));
      for (const { name } of all.slice(at + 1)) {
        const other = lap.get(name);
        if (other !== undefined) putBack(other);
      }
      return false;
    }
  }
  return true;
}

function needsOf(name: string): readonly string[] {
  return phases.find((phase) => phase.name === name)?.needs ?? [];
}

function whyOf({ connector }: World, error: unknown): string {
  const last = connector?.failures.at(-1)?.message;
  const text = error instanceof Error ? error.message : String(error);
  return `${text.replace(/\s+/g, ' ').slice(0, 600)}${last === undefined ? '' : ` [last failure: ${last.slice(0, 200)}]`}`;
}

/** Whether the request of the step was there. */
async function runPhase(world: World, phase: Phase, cell: Cell | undefined): Promise<boolean> {
  if (cell?.fault.program === true) {
    await phase.prepare?.(world);
    await startProgram(world);
  } else {
    await ensureConnector(world);
    await phase.prepare?.(world);
  }
  await world.platform.waitRest();
  if (cell === undefined) {
    await phase.change(world);
    await waitServed(world);
    await waitSettled(world, phase);
    return true;
  }
  const { fault } = cell;
  await fault.before?.(world);
  const trap = setTrap(world, cell);
  // The fault may be Nomad's, in the middle of it.
  const changed = phase.change(world);
  changed.catch(() => undefined);
  const isStruck = await waitStruck(world, trap.isStruck);
  trap.remove();
  if (trap.error() !== undefined)
    throw new Error('the fault itself failed', { cause: trap.error() });
  if (isStruck || fault.before !== undefined) await fault.recover?.(world);
  await changed;
  if (world.program?.running() !== true) await ensureConnector(world);
  await waitServed(world);
  await fault.after?.(world);
  await waitSettled(world, phase);
  if (world.program === undefined) await check(world);
  else await waitChecked(world);
  checkLoad(world);
  if (fault.program === true) await stopConnectors(world);
  return isStruck;
}

/** A program doesn't say when it has come to rest. */
async function waitChecked(world: World): Promise<void> {
  let last: unknown;
  const isRight = (): Promise<boolean> =>
    check(world).then(
      () => true,
      (error: unknown) => {
        last = error;
        return false;
      },
    );
  await waitFor('what holds after every fault', isRight, { timeoutMs: 8000 }).catch(() => {
    throw last;
  });
}

interface Trap {
  readonly isStruck: () => boolean;
  readonly error: () => unknown;
  readonly remove: () => void;
}

/** The next request of that kind, and no other. */
function setTrap(world: World, { fault, step }: Cell): Trap {
  const proxy = step.party === 'nomad' ? world.nomadProxy : world.stack.proxy;
  let [isMet, isStruck] = [false, false];
  let failed: unknown;
  proxy.onRequest(async (seen) => {
    if (isMet || requestOf(step.party, seen) !== step.request) return undefined;
    isMet = true;
    try {
      return await fault.strike(world);
    } catch (error) {
      failed = error;
      return 'cut';
    } finally {
      isStruck = true;
    }
  });
  return {
    isStruck: () => isStruck,
    error: () => failed,
    remove: () => proxy.onRequest(undefined),
  };
}

/** A lap without a fault: the requests of each phase. */
async function recordLap(world: World): Promise<Step[]> {
  const steps: Step[] = [];
  for (const phase of phases) {
    await ensureConnector(world);
    await phase.prepare?.(world);
    await world.platform.waitRest();
    world.stack.proxy.clear();
    world.nomadProxy.clear();
    await phase.change(world);
    await waitServed(world);
    await waitSettled(world, phase);
    steps.push(...seenIn(phase, 'dataplane', world.stack.proxy.seen()));
    steps.push(...seenIn(phase, 'nomad', world.nomadProxy.seen()));
    await check(world);
  }
  return steps;
}

function seenIn({ name }: Phase, party: Party, seen: readonly SeenRequest[]): Step[] {
  return seen.map((one) => ({
    ...{ phase: name, party },
    request: requestOf(party, one),
    isWrite: one.method !== 'GET',
  }));
}
