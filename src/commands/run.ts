import { readFileSync } from 'node:fs';

import type { Command } from '../cli/command-types.js';
import { type ExitCode, exitCodeOf } from '../cli/exit-codes.js';
import { createRedactor, secretsOf } from '../config/redact.js';
import { loadSettings } from '../config/settings.js';
import { createLogger } from '../telemetry/logger.js';
import { runDaemon } from './daemon.js';
import { runRouteCommand } from './route.js';
import { runSingle } from './single.js';
import type { Around, Built } from './types.js';

/** Runs a command with its settings and logger. Never throws. */
export async function runCommand(command: Command, around: Around): Promise<ExitCode> {
  if (command.kind === 'print') {
    around.print(command.text);
    return 0;
  }
  const redactor = createRedactor();
  let logger = createLogger({ level: 'info', redact: redactor.redact });
  try {
    const { flags } = command;
    const readFile = (path: string): string => readFileSync(path, 'utf8');
    const settings = loadSettings({ flags, env: around.env, readFile });
    secretsOf(settings).forEach(redactor.add);
    logger = createLogger({ level: settings.log.level, redact: redactor.redact });
    return await dispatch(command, { settings, logger, onToken: redactor.add }, around);
  } catch (error) {
    logger.error('failed', { error });
    return exitCodeOf(error);
  }
}

async function dispatch(
  command: Exclude<Command, { kind: 'print' }>,
  built: Built,
  around: Around,
): Promise<ExitCode> {
  switch (command.kind) {
    case 'daemon':
      return runDaemon(built, around);
    case 'once':
    case 'dry-run':
      return runSingle(command, built, around);
    case 'route-add':
    case 'route-remove':
    case 'route-list':
      return runRouteCommand(command, built.settings, around.print);
  }
}
