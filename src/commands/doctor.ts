import pc from 'picocolors';

import type { DoctorCommand } from '../cli/command-types.js';
import { exitCode, type ExitCode } from '../cli/exit-codes.js';
import type { Settings } from '../config/types.js';
import { checks } from '../doctor/checks/index.js';
import { examine } from '../doctor/doctor.js';
import { type Discovered, gatherersOf, sharedGatherers } from '../doctor/facts/gatherers.js';
import { factSource } from '../doctor/facts/source.js';
import { linesDocument } from '../doctor/print/json.js';
import { type PaintLevel, printLines } from '../doctor/print/text.js';
import type { Line } from '../doctor/types.js';
import { asConnectorError } from '../shared/errors.js';
import { plainJson } from '../shared/text.js';
import { lookForTargets, noneFound } from './discovered.js';
import { usesColor } from './painter.js';
import { chosenTargets, type Report, reportAll } from './targets.js';
import type { Around, Built } from './types.js';

/** Examines everything that the connector depends on. Sends nothing but GET, and writes nothing. */
export async function runDoctor(
  command: DoctorCommand,
  built: Built,
  around: Around,
): Promise<ExitCode> {
  const { hazards, logger, onToken, redact } = built;
  const { settings, ...found } = await discover(built, around.signal);
  const isNone = settings.targets.length === 0;
  const targets = isNone ? [undefined] : chosenTargets(settings, command.targets);
  const shared = sharedGatherers({ settings, hazards, onToken, ...found });
  const report = reporterOf(command, around, redact);
  return reportAll({
    ...{ targets, logger, redact, output: command.output, print: around.print },
    reportOf: async (target) => {
      const own = target === undefined ? {} : { target };
      const gatherers = gatherersOf({ settings, hazards, onToken, ...own }, shared);
      return report(await examine(checks, factSource(gatherers, around.signal)));
    },
  });
}

/** What Nomad knows; without it, all that needs no HAProxy is examined. */
async function discover(
  { settings, onToken }: Built,
  signal: AbortSignal,
): Promise<{ readonly settings: Settings; readonly discovered?: Discovered }> {
  try {
    const { settings: now, judged } = await lookForTargets({ settings, onToken }, signal);
    if (judged === undefined || settings.discover === undefined) return { settings };
    if (now.targets.length > 0) return { settings: now, discovered: { judged } };
    return { settings, discovered: { reason: noneFound(settings.discover) } };
  } catch (error) {
    return { settings, discovered: { reason: asConnectorError(error).message } };
  }
}

/** With settings that can't be used, nothing else can be checked. */
export function reportSettings(
  command: DoctorCommand,
  cause: unknown,
  around: Around,
  redact: (text: string) => string,
): ExitCode {
  const short = "not checked: the settings can't be used";
  const lines = checks.map(({ id, group }): Line => {
    if (id !== 'settings') return { check: id, group, level: 'not-checked', says: short };
    const says = asConnectorError(cause).message;
    const fix = 'correct the settings that are named (docs/configuration.md)';
    return { check: id, group, level: 'error', says, fix };
  });
  const { text, json, code } = reporterOf(command, around, redact)(lines);
  around.print(command.output === 'json' ? `${plainJson(json, 2, redact)}\n` : text);
  return code;
}

function reporterOf(
  { color }: DoctorCommand,
  { env, isTerminal }: Around,
  redact: (text: string) => string,
): (lines: readonly Line[]) => Report {
  const paint = painterOf(usesColor(color, env, isTerminal));
  return (lines) => ({
    text: printLines(lines, paint, redact),
    json: linesDocument(lines),
    code: exitCode({ error: lines.some(({ level }) => level === 'error') }),
  });
}

function painterOf(colored: boolean): PaintLevel {
  const colors = pc.createColors(colored);
  const paints = {
    ...{ ok: colors.green, warning: colors.yellow, error: colors.red },
    'not-checked': colors.dim,
  };
  return (level, text) => paints[level](text);
}
