import { assemble } from '../assembly.js';
import type { DryRunCommand, OnceCommand } from '../cli/command-types.js';
import type { ExitCode } from '../cli/exit-codes.js';
import type { Settings, TargetSettings } from '../config/types.js';
import type { Approval } from '../pass/approval.js';
import type { Picture } from '../pass/picture.js';
import { orderOf } from '../rollout/rollout.js';
import { rolloutFrom } from '../rollout/settings.js';
import { watchRoutes } from '../routes/folder.js';
import { ConnectorError } from '../shared/errors.js';
import { tlsReporter } from '../telemetry/tls.js';
import { withTargets } from './discovered.js';
import { runOnce } from './once.js';
import { leadBy } from './lead.js';
import { painter } from './painter.js';
import { createProgress, type Progress } from './progress.js';
import { chosenTargets, type Report, reportAll } from './targets.js';
import type { Around, Built } from './types.js';

/** `--once` and `--dry-run`. */
export async function runSingle(
  command: OnceCommand | DryRunCommand,
  built: Built,
  { print, signal, env, isTerminal, tell }: Around,
): Promise<ExitCode> {
  const { logger, onToken, redact } = built;
  const writes = command.kind === 'once';
  const settings = await withTargets(built, signal);
  const targets = chosenTargets(settings, command.targets);
  requireOne(command, targets);
  const approval = await approvalFor(command, settings, redact);
  const routes = watchRoutes(settings.routes.directory, { logger });
  const progress =
    tell === undefined || command.output === 'json' ? undefined : createProgress({ write: tell });
  const hooks = { onToken, onTls: tlsReporter(logger), ...progress };
  const lead = writes ? leadBy(settings, { logger, onToken }) : undefined;
  const names = targets.map(({ name }) => name);
  const rollout = rolloutFrom(settings, { targets: () => names });
  const { nomad, passOf } = assemble(settings, {
    ...{ writes, routeFiles: routes.current, hooks },
    ...(lead === undefined ? {} : { office: lead.elector.office }),
    ...(approval === undefined ? {} : { approval }),
    ...(names.length > 1 ? { rollout } : {}),
  });
  const { during = (task) => task() } = progress ?? ({} as Partial<Progress>);
  // One line of progress for all: it is gone before the reports are printed.
  const printed: string[] = [];
  try {
    await lead?.acquire(signal);
    const code = await during(() =>
      reportAll({
        ...{ targets, logger, redact, output: command.output },
        print: (text) => printed.push(text),
        ...(writes ? {} : { together: () => orderReport(names, settings.rollout) }),
        reportOf: ({ name }) =>
          runOnce({
            ...{ signal, writes, redact },
            pass: () => passOf(name)(() => true, signal),
            detailedExitcode: command.detailedExitcode,
            paint: painter(command.color, env, isTerminal),
            approved: approval !== undefined,
            onPlan: (picture) => save(command, picture, settings, redact),
          }),
      }),
    );
    print(printed.join(''));
    return code;
  } finally {
    await lead?.close();
    logger.debug('stopped');
    routes.close();
    nomad.close();
  }
}

/** In which order `--once` and the daemon reload several. */
function orderReport(
  names: readonly string[],
  { canary, settleMs, maxParallel }: Settings['rollout'],
): Omit<Report, 'code'> {
  const order = orderOf({ targets: () => names, ...(canary === undefined ? {} : { canary }) });
  const [first = '', ...others] = order;
  const text = `Reloads: ${first} first; ${settleMs / 1000} s later ${others.join(', ')}, ${maxParallel} at a time\n`;
  const json = { order, settle_ms: settleMs, max_parallel: maxParallel };
  return { text, json: { rollout: json } };
}

/** A saved plan is that of one HAProxy. */
function requireOne(
  command: OnceCommand | DryRunCommand,
  targets: readonly TargetSettings[],
): void {
  const flag = savedPlanFlag(command);
  if (flag === undefined || targets.length === 1) return;
  const names = targets.map(({ name }) => name).join(', ');
  const message = `${flag} is for one HAProxy: name it with --target (there is ${names})`;
  throw new ConnectorError('config-invalid', message, { retryable: false });
}

function savedPlanFlag(command: OnceCommand | DryRunCommand): string | undefined {
  if (command.kind === 'once') return command.plan === undefined ? undefined : '--plan';
  return command.planOut === undefined ? undefined : '--plan-out';
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
