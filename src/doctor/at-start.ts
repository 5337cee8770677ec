import type { Settings } from '../config/types.js';
import type { Picture } from '../pass/picture.js';
import type { Logger } from '../telemetry/logger.js';

export interface StartExamination {
  /** The first pass is over; `picture`: it succeeded. Later calls do nothing. */
  readonly passed: (picture?: Picture) => void;
  /** Nothing of it runs any more. */
  readonly done: () => Promise<void>;
}

export interface StartOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly onToken: (token: string) => void;
  readonly signal: AbortSignal;
}

/**
 * The short form for a daemon: a log line for each warning and error that nothing else logs. It begins
 * after the first pass, so that it neither delays that nor reads HAProxy's state once more.
 */
export function examineAtStart({ settings, logger, onToken, signal }: StartOptions) {
  let running: Promise<void> | undefined;

  async function run(picture: Picture | undefined): Promise<void> {
    // Loaded only now: the first pass doesn't wait for them.
    const [{ checks }, { examine }, { gatherersOf }, { factSource }] = await Promise.all([
      import('./checks/index.js'),
      import('./doctor.js'),
      import('./facts/gatherers.js'),
      import('./facts/source.js'),
    ]);
    const examined = { settings, hazards: [], onToken };
    const gatherers = gatherersOf(picture === undefined ? examined : { ...examined, picture });
    const short = checks.filter(({ atStart }) => atStart);
    const lines = await examine(short, factSource(gatherers, signal));
    // What was asked when the daemon was told to stop has no answer.
    if (signal.aborted) return;
    for (const line of lines) {
      if (!('fix' in line)) continue;
      const { check, says, fix } = line;
      const log = line.level === 'error' ? logger.error : logger.warn;
      log('doctor', { check, finding: says, fix });
    }
  }

  return {
    passed: (picture?: Picture) => {
      running ??= run(picture).catch((error: unknown) => logger.debug('doctor failed', { error }));
    },
    done: async () => running,
  } satisfies StartExamination;
}
