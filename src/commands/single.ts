import { assemble } from '../assembly.js';
import type { DryRunCommand, OnceCommand } from '../cli/command-types.js';
import type { ExitCode } from '../cli/exit-codes.js';
import { watchRoutes } from '../routes/folder.js';
import { tlsReporter } from '../telemetry/tls.js';
import { runOnce } from './once.js';
import { painter } from './painter.js';
import type { Around, Built } from './types.js';

/** `--once` and `--dry-run`. */
export async function runSingle(
  command: OnceCommand | DryRunCommand,
  { settings, logger, onToken, redact }: Built,
  { print, signal, env, isTerminal }: Around,
): Promise<ExitCode> {
  const writes = command.kind === 'once';
  const routes = watchRoutes(settings.routes.directory, { logger });
  const hooks = { onToken, onTls: tlsReporter(logger) };
  const { nomad, pass } = assemble(settings, { writes, routeFiles: routes.current, hooks });
  try {
    return await runOnce({
      ...{ signal, writes, print, redact },
      pass: () => pass(() => true, signal),
      output: command.output,
      detailedExitcode: command.detailedExitcode,
      paint: painter(command.color, env, isTerminal),
    });
  } finally {
    logger.debug('stopped');
    routes.close();
    nomad.close();
  }
}
