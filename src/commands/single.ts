import { assemble } from '../assembly.js';
import type { DryRunCommand, OnceCommand } from '../cli/command-types.js';
import type { ExitCode } from '../cli/exit-codes.js';
import type { Settings } from '../config/types.js';
import type { Approval } from '../pass/approval.js';
import type { Picture } from '../pass/picture.js';
import { watchRoutes } from '../routes/folder.js';
import { tlsReporter } from '../telemetry/tls.js';
import { runOnce } from './once.js';
import { painter } from './painter.js';
import { createProgress } from './progress.js';
import type { Around, Built } from './types.js';

/** `--once` and `--dry-run`. */
export async function runSingle(
  command: OnceCommand | DryRunCommand,
  { settings, logger, onToken, redact }: Built,
  { print, signal, env, isTerminal, tell }: Around,
): Promise<ExitCode> {
  const writes = command.kind === 'once';
  const approval = await approvalFor(command, settings, redact);
  const routes = watchRoutes(settings.routes.directory, { logger });
  const progress =
    tell === undefined || command.output === 'json' ? undefined : createProgress({ write: tell });
  const hooks = { onToken, onTls: tlsReporter(logger), ...progress };
  const { nomad, pass } = assemble(settings, {
    ...{ writes, routeFiles: routes.current, hooks },
    ...(approval === undefined ? {} : { approval }),
  });
  try {
    return await runOnce({
      ...{ signal, writes, print, redact },
      pass: () => {
        const task = () => pass(() => true, signal);
        return progress === undefined ? task() : progress.during(task);
      },
      output: command.output,
      detailedExitcode: command.detailedExitcode,
      paint: painter(command.color, env, isTerminal),
      approved: approval !== undefined,
      onPlan: (picture) => save(command, picture, settings, redact),
    });
  } finally {
    logger.debug('stopped');
    routes.close();
    nomad.close();
  }
}

type Redact = Built['redact'];

/** What the saved plan allows, if there is one. */
async function approvalFor(
  command: OnceCommand | DryRunCommand,
  settings: Settings,
  redact: Redact,
): Promise<Approval | undefined> {
  if (command.kind !== 'once' || command.plan === undefined) return undefined;
  const { approvalOf, readPlanFile } = await import('./plan-file.js');
  return approvalOf(readPlanFile(command.plan), settings, redact);
}

async function save(
  command: OnceCommand | DryRunCommand,
  picture: Picture,
  settings: Settings,
  redact: Redact,
): Promise<void> {
  if (command.kind !== 'dry-run' || command.planOut === undefined) return;
  const { savedPlan, writePlanFile } = await import('./plan-file.js');
  writePlanFile(command.planOut, savedPlan(picture, settings, redact));
}
