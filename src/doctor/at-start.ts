import type { Settings, TargetSettings } from '../config/types.js';
import type { Picture } from '../pass/picture.js';
import { type Failure, nomadSide } from '../pass/run.js';
import type { Logger } from '../telemetry/logger.js';
import type { sharedGatherers } from './facts/gatherers.js';
import type { Line } from './types.js';

export interface StartExamination {
  /** The first pass over a target is over. Later calls do nothing. */
  readonly succeeded: (picture: Picture) => void;
  readonly failed: (failure: Pick<Failure, 'side'>) => void;
  /** Another one by that name is examined too. */
  readonly left: (target: string) => void;
  /** Nothing of it runs any more. */
  readonly done: () => Promise<void>;
}

export interface StartOptions {
  readonly settings: Settings;
  /** Those that there are now. */
  readonly targets: () => readonly TargetSettings[];
  readonly logger: Logger;
  readonly onToken: (token: string) => void;
  readonly signal: AbortSignal;
}

/**
 * The short form for a daemon: a log line for each warning and error that nothing else logs. It begins
 * after the first pass over each target, so that it neither delays that nor reads HAProxy's state
 * once more.
 */
export function examineAtStart({ settings, targets, logger, onToken, signal }: StartOptions) {
  const examined = new Set<string>();
  const running = new Set<Promise<void>>();
  /** What is the same for each target is told once. */
  const told = new Set<string>();
  const shares = { settings, hazards: [], onToken };
  let shared: ReturnType<typeof sharedGatherers> | undefined;

  async function run(target: TargetSettings, picture: Picture | undefined): Promise<void> {
    // Loaded only now: the first pass doesn't wait for them.
    const [{ checks }, { examine }, { gatherersOf, sharedGatherers: share }, { factSource }] =
      await Promise.all([
        import('./checks/index.js'),
        import('./doctor.js'),
        import('./facts/gatherers.js'),
        import('./facts/source.js'),
      ]);
    shared ??= share(shares);
    const own = { ...shares, target, ...(picture === undefined ? {} : { picture }) };
    const short = checks.filter(({ atStart }) => atStart);
    const lines = await examine(short, factSource(gatherersOf(own, shared), signal));
    // What was asked when the daemon was told to stop has no answer.
    if (signal.aborted) return;
    lines.forEach((line) => tell(line, target.name));
  }

  function tell(line: Line, target: string): void {
    if (!('fix' in line)) return;
    const { check, group, says, fix } = line;
    const isShared = group === 'Settings' || group === 'Nomad';
    const isOne = settings.targets.length === 1;
    const where = isShared || isOne ? {} : { target };
    const key = JSON.stringify([check, says, where]);
    if (told.has(key)) return;
    told.add(key);
    const log = line.level === 'error' ? logger.error : logger.warn;
    log('doctor', { ...where, check, finding: says, fix });
  }

  function passed(target: TargetSettings, picture?: Picture): void {
    if (examined.has(target.name)) return;
    examined.add(target.name);
    const examining = run(target, picture)
      .catch((error: unknown) => logger.debug('doctor failed', { error }))
      .finally(() => running.delete(examining));
    running.add(examining);
  }

  return {
    succeeded: (picture) => {
      const target = targets().find(({ name }) => name === picture.target);
      if (target !== undefined) passed(target, picture);
    },
    failed: ({ side }) => {
      for (const target of targets()) {
        if (side === nomadSide || side === target.name) passed(target);
      }
    },
    left: (target) => examined.delete(target),
    done: async () => void (await Promise.all(running)),
  } satisfies StartExamination;
}
