import type { Line } from '../types.js';
import { countsOf } from './text.js';

/** Grows only with a change that breaks readers. */
export const formatVersion = 1;

/** `{ format_version, ok, counts, findings: [{ check, group, level, message, fix? }] }` */
export function linesDocument(lines: readonly Line[]) {
  const counts = countsOf(lines);
  const findings = lines.map((line) => ({
    check: line.check,
    group: line.group,
    level: line.level,
    message: line.says,
    ...('fix' in line ? { fix: line.fix } : {}),
  }));
  const ok = counts.error === 0;
  return { format_version: formatVersion, ok, counts, findings };
}
