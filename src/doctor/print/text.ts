import { visible } from '../../shared/text.js';
import { groups, type Level, type Line } from '../types.js';

/** Colours a level's word, or the fix. The identity if colours are off. */
export type PaintLevel = (level: Level, text: string) => string;

const words: Readonly<Record<Level, string>> = {
  ok: 'ok',
  warning: 'warning',
  error: 'error',
  'not-checked': '-',
};

const levelWidth = 8;

/** For people: a line each, and the fix under it. */
export function printLines(
  lines: readonly Line[],
  paint: PaintLevel = (_, text) => text,
  redact: (text: string) => string = (text) => text,
): string {
  const clean = (text: string): string => visible(redact(text));
  const idWidth = Math.max(0, ...lines.map(({ check }) => check.length)) + 2;
  const printed = (line: Line): string[] => {
    const word = paint(line.level, words[line.level].padEnd(levelWidth));
    const indent = ' '.repeat(2 + levelWidth + idWidth);
    const first = `  ${word}${line.check.padEnd(idWidth)}${clean(line.says)}`;
    return 'fix' in line ? [first, `${indent}fix: ${clean(line.fix)}`] : [first];
  };
  const parts = groups.flatMap((group) => {
    const own = lines.filter((line) => line.group === group);
    return own.length === 0 ? [] : [[group, ...own.flatMap(printed), ''].join('\n')];
  });
  return [...parts, summary(lines), ''].join('\n');
}

export function countsOf(lines: readonly Line[]): Readonly<Record<Level, number>> {
  const of = (level: Level): number => lines.filter((line) => line.level === level).length;
  return {
    ok: of('ok'),
    warning: of('warning'),
    error: of('error'),
    'not-checked': of('not-checked'),
  };
}

function summary(lines: readonly Line[]): string {
  const { ok, warning, error, 'not-checked': unchecked } = countsOf(lines);
  const few = [
    `${ok} ok`,
    `${warning} ${warning === 1 ? 'warning' : 'warnings'}`,
    `${error} ${error === 1 ? 'error' : 'errors'}`,
    ...(unchecked === 0 ? [] : [`${unchecked} not checked`]),
  ];
  return `${few.join(', ')}.`;
}
