import type { CatalogReader } from '../observe/catalog/reader.js';
import { asConnectorError, type ConnectorError } from '../shared/errors.js';
import { readCatalog } from './catalog.js';
import type { Surroundings } from './context.js';
import type { CatalogMemory } from './memory.js';
import { type Occasion, routine } from './occasion.js';
import { syncTarget } from './pass.js';
import type { Phase } from './phases.js';
import type { Picture } from './picture.js';
import { startStopwatch, type Stopwatch, type Times } from './stopwatch.js';
import { type Target, underOffice } from './target.js';
import { verdictOf } from './verdict.js';

/** What a pass can fail on: Nomad, or a target by name. */
export type Side = string;

export const nomadSide: Side = 'nomad';

export type Outcome = Success | Failure;

export interface Success {
  readonly side: Side;
  readonly picture: Picture;
}

export interface Failure {
  readonly side: Side;
  readonly error: ConnectorError;
  readonly times: Times;
}

/** Dependencies shared by all passes. */
export interface PassDependencies extends Surroundings {
  readonly catalog: CatalogReader;
  readonly catalogMemory: CatalogMemory;
  readonly targets: readonly Target[];
  readonly onPhase?: (phase: Phase, ms: number) => void;
}

/**
 * Reads the catalog once and reconciles each target that is due. Targets fail independently. If
 * Nomad can't be read, that is the only outcome. Never throws.
 */
export async function runPass(
  deps: PassDependencies,
  isDue: (side: Side) => boolean,
  signal: AbortSignal,
  occasion: Occasion = routine,
): Promise<readonly Outcome[]> {
  const due = deps.targets.filter(({ name }) => isDue(name));
  const { office } = deps;
  const targets = office === undefined ? due : due.map((one) => underOffice(one, office()));
  const stopwatch = startStopwatch(deps.now, deps.onPhase);
  const observed = readCatalog(deps.catalog, deps.catalogMemory, targets, stopwatch, signal);
  const syncs = targets.map((target) => {
    const own = startStopwatch(deps.now, deps.onPhase);
    const picture = syncTarget(deps, target, observed, own, occasion, signal);
    const outcome = picture.then((seen) => success(target.name, seen), failure(target.name, own));
    // Once it has left, another one may have its name.
    return outcome.then((one) => (signal.aborted ? one : tellRollout(deps, target, one)));
  });
  const unread = await observed.catalog.then(() => undefined, failure(nomadSide, stopwatch));
  const outcomes = await Promise.all(syncs);
  return unread === undefined ? outcomes : [unread];
}

/** The other HAProxies wait for what this one's pass came to. */
function tellRollout({ rollout }: PassDependencies, target: Target, outcome: Outcome): Outcome {
  if (rollout === undefined || target.writer === undefined) {
    if (target.standsBy === true) rollout?.forget(target.name);
    return outcome;
  }
  const { memory, name } = target;
  if ('picture' in outcome) {
    const { picture } = outcome;
    const verdict = verdictOf(picture, memory.rejected, memory.shown);
    memory.shown = { picture, verdict };
    rollout.passed(name, verdict);
  } else if (isTargets(outcome.error)) rollout.failed(name);
  return outcome;
}

/** Not Nomad's fault, and not that of a process that ends. */
function isTargets({ code }: ConnectorError): boolean {
  return !code.startsWith('nomad-') && code !== 'aborted' && code !== 'not-leader';
}

function success(side: Side, picture: Picture): Outcome {
  return { side, picture };
}

function failure(side: Side, stopwatch: Stopwatch): (error: unknown) => Failure {
  return (error) => ({ side, error: asConnectorError(error), times: stopwatch.read() });
}
