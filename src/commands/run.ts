import { readFileSync, statSync } from 'node:fs';

import type { RunnableCommand } from '../cli/command-types.js';
import { type ExitCode, exitCodeOf } from '../cli/exit-codes.js';
import { createRedactor, secretsOf } from '../config/redact.js';
import { hazardsOf } from '../config/hazards.js';
import { loadConfiguration } from '../config/settings.js';
import { createLogger, type Logger } from '../telemetry/logger.js';
import type { Around, Built } from './types.js';

/** Runs a command with its settings and logger. Never throws. */
export async function runCommand(command: RunnableCommand, around: Around): Promise<ExitCode> {
  const redactor = createRedactor();
  // Programs read JSON. A person at a terminal reads lines, unless JSON is asked for.
  const format = around.tell === undefined || command.output === 'json' ? 'json' : 'text';
  let logger = createLogger({ level: 'info', redact: redactor.redact, format });
  process.once('uncaughtException', (error) => crash(logger, error));
  try {
    const { flags } = command;
    const readFile = (path: string): string => readFileSync(path, 'utf8');
    const { settings, secretFiles } = loadConfiguration({ flags, env: around.env, readFile });
    secretsOf(settings).forEach(redactor.add);
    logger = createLogger({ level: settings.log.level, redact: redactor.redact, format });
    const hazards = hazardsOf(settings, secretFiles, modeOf);
    if (logsHazards(command)) {
      for (const { message, fields } of hazards) logger.warn(message, fields);
    }
    const { redact, add: onToken } = redactor;
    return await dispatch(command, { settings, hazards, logger, onToken, redact }, around);
  } catch (error) {
    if (command.kind === 'doctor' && exitCodeOf(error) === 64) {
      const { reportSettings } = await import('./doctor.js');
      return reportSettings(command, error, around, redactor.redact);
    }
    logger.error('failed', { error });
    return exitCodeOf(error);
  }
}

/** A route and a job file need no credentials, and the doctor prints them itself. */
function logsHazards({ kind }: RunnableCommand): boolean {
  return kind !== 'doctor' && kind !== 'lint' && !kind.startsWith('route');
}

/** Node would print the error as it is, and all that hangs on it. */
function crash(logger: Logger, error: Error): void {
  logger.error('crashed', { error, stack: error.stack });
  // The line before goes first, where stderr is a pipe too.
  process.stderr.write('', () => process.exit(exitCodeOf(error)));
}

function modeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mode;
}

/** A command's modules are loaded when it runs: a single pass needs no server and no metrics. */
async function dispatch(command: RunnableCommand, built: Built, around: Around): Promise<ExitCode> {
  switch (command.kind) {
    case 'daemon':
      return (await import('./daemon.js')).runDaemon(built, around);
    case 'once':
    case 'dry-run':
      return (await import('./single.js')).runSingle(command, built, around);
    case 'explain':
      return (await import('./explain.js')).runExplain(command, built, around);
    case 'doctor':
      return (await import('./doctor.js')).runDoctor(command, built, around);
    case 'lint':
      return (await import('./lint.js')).runLint(command, built, around);
    case 'route-add':
    case 'route-remove':
    case 'route-list':
      return (await import('./route.js')).runRouteCommand(command, built.settings, around.print);
  }
}
