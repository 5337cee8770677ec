import pc from 'picocolors';

import type { DoctorCommand } from '../cli/command-types.js';
import { exitCode, type ExitCode } from '../cli/exit-codes.js';
import { checks } from '../doctor/checks/index.js';
import { examine } from '../doctor/doctor.js';
import { gatherersOf } from '../doctor/facts/gatherers.js';
import { factSource } from '../doctor/facts/source.js';
import { linesAsJson } from '../doctor/print/json.js';
import { type PaintLevel, printLines } from '../doctor/print/text.js';
import type { Line } from '../doctor/types.js';
import { asConnectorError } from '../shared/errors.js';
import { usesColor } from './painter.js';
import type { Around, Built } from './types.js';

/** Examines everything that the connector depends on. Sends nothing but GET, and writes nothing. */
export async function runDoctor(
  command: DoctorCommand,
  { settings, hazards, onToken, redact }: Built,
  around: Around,
): Promise<ExitCode> {
  const gatherers = gatherersOf({ settings, hazards, onToken });
  const lines = await examine(checks, factSource(gatherers, around.signal));
  return show(command, lines, around, redact);
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
  return show(command, lines, around, redact);
}

function show(
  { output, color }: DoctorCommand,
  lines: readonly Line[],
  { print, env, isTerminal }: Around,
  redact: (text: string) => string,
): ExitCode {
  const paint = painterOf(usesColor(color, env, isTerminal));
  print(output === 'json' ? `${linesAsJson(lines, redact)}\n` : printLines(lines, paint, redact));
  return exitCode({ error: lines.some(({ level }) => level === 'error') });
}

function painterOf(colored: boolean): PaintLevel {
  const colors = pc.createColors(colored);
  const paints = {
    ...{ ok: colors.green, warning: colors.yellow, error: colors.red },
    'not-checked': colors.dim,
  };
  return (level, text) => paints[level](text);
}
