import { readFileSync } from 'node:fs';

import pc from 'picocolors';
import { Registry } from 'prom-client';

import { assemble } from '../assembly.js';
import type { Command, DryRunCommand, OnceCommand } from '../cli/command-types.js';
import { type ExitCode, exitCodeOf } from '../cli/exit-codes.js';
import { createRedactor, redactSettings, secretsOf } from '../config/redact.js';
import { loadSettings } from '../config/settings.js';
import type { Settings } from '../config/types.js';
import { productVersion } from '../cli/version.js';
import { createController } from '../loop/controller.js';
import { degradedCodes } from '../actual/normalise/degraded.js';
import type { Paint } from '../diff/print/print.js';
import { problemCodes, reloadReasons, stepKinds } from '../diff/types.js';
import { createHealth } from '../loop/health.js';
import { startWakeSources } from '../observe/wake/wake.js';
import { runOnce } from './single.js';
import { createReporter } from '../telemetry/report.js';
import { runRouteCommand } from './route.js';
import { watchRoutes } from '../routes/folder.js';
import { startHttpServer, type Status } from '../server/http.js';
import { createLogger, type Logger } from '../telemetry/logger.js';
import { createMetrics } from '../telemetry/metrics.js';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly print: (text: string) => void;
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  readonly signal: AbortSignal;
}

interface Built {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly onToken: (token: string) => void;
}

/** The one place that builds clients, logger and registry. Never throws. */
export async function main(command: Command, around: Surroundings): Promise<ExitCode> {
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
    return await run(command, { settings, logger, onToken: redactor.add }, around);
  } catch (error) {
    logger.error('failed', { error });
    return exitCodeOf(error);
  }
}

async function run(
  command: Exclude<Command, { kind: 'print' }>,
  built: Built,
  around: Surroundings,
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

async function runDaemon(
  { settings, logger, onToken }: Built,
  { signal }: Surroundings,
): Promise<ExitCode> {
  const registry = new Registry();
  const metrics = createMetrics(registry, {
    stepKinds,
    reloadReasons,
    degradedCodes: [...degradedCodes, ...problemCodes],
    version: productVersion(),
  });
  const reporter = createReporter(logger, metrics);
  const routes = watchRoutes(settings.routes.directory, {
    onChange: () => controller.wake('route-file'),
    logger,
  });
  const { nomad, catalog, pass } = assemble(settings, {
    writes: true,
    staysRunning: true,
    routeFiles: routes.current,
    hooks: {
      onToken,
      onNomad: (status) => metrics.request('nomad', status),
      onDataPlane: (status) => metrics.request('dataplane', status),
      onPhase: reporter.phase,
    },
  });
  const controller = createController({
    pass: (passSignal) => {
      reporter.began();
      return pass(passSignal);
    },
    settings: settings.sync,
    onWake: reporter.woke,
    onSuccess: (result) => {
      reporter.succeeded(result);
      health.succeeded(result);
      wakes.namespacesSeen(catalog.namespaces());
    },
    onFailure: (error) => {
      reporter.failed(error);
      health.failed(error.message);
    },
  });
  const health = createHealth(settings.sync, () => controller.busySince);
  const server = await startServer(settings, health, registry);
  logger.info('started', { settings: redactSettings(settings) });
  const wakes = startWakeSources({
    client: nomad,
    namespace: settings.nomad.namespace,
    onWake: controller.wake,
    onConnected: metrics.streamConnected,
    signal,
    log: logger,
  });
  await controller.run(signal);
  await wakes.done;
  routes.close();
  nomad.close();
  await server?.close();
  logger.info('stopped');
  return 0;
}

async function startServer({ http }: Settings, status: Status, registry: Registry) {
  if (!http.enabled) return undefined;
  return startHttpServer({ host: http.host, port: http.port, status, registry });
}

async function runSingle(
  command: OnceCommand | DryRunCommand,
  { settings, logger, onToken }: Built,
  { print, signal, env, isTerminal }: Surroundings,
): Promise<ExitCode> {
  const writes = command.kind === 'once';
  const routes = watchRoutes(settings.routes.directory, { logger });
  const { nomad, pass } = assemble(settings, {
    writes,
    routeFiles: routes.current,
    hooks: { onToken },
  });
  try {
    return await runOnce({
      pass,
      signal,
      writes,
      print,
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

/** `--color auto` colours a terminal, unless NO_COLOR is set (https://no-color.org). */
function painter(
  choice: OnceCommand['color'],
  env: Surroundings['env'],
  isTerminal: boolean,
): Paint {
  const plain = (env['NO_COLOR'] ?? '') !== '' || !isTerminal;
  const colors = pc.createColors(choice === 'always' || (choice === 'auto' && !plain));
  const paints = { '+': colors.green, '~': colors.yellow, '-': colors.red, '!': colors.magenta };
  return (sign, text) => paints[sign](text);
}
