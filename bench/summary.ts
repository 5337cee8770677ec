import { readFile } from 'node:fs/promises';

import type { Figure } from './figure.js';
import { type Cell, type Table, ms, ratio } from './report.js';
import { type Row, describeTarget, isMet, rowOf, rows } from './targets.js';

/** What one run of the bench wrote. */
export interface Results {
  readonly origin: string;
  readonly found: Readonly<Record<string, readonly Figure[]>>;
}

export async function readResults(file: string): Promise<Results> {
  return JSON.parse(await readFile(file, 'utf8')) as Results;
}

/** Every row with its target, the runs side by side: A, B and so on in the order given. */
export function summaryTable(runs: readonly Results[]): Table {
  const perRun = runs.map(({ found }) => Object.values(found).flat());
  const letters = runs.map((_, at) => (runs.length === 1 ? '' : `${letterOf(at)}: `));
  return {
    title: 'Targets',
    columns: [
      ...['row', 'measured as', 'N', 'target'],
      ...letters.flatMap((letter) =>
        ['measured', 'worst', 'floor', 'ratio', 'met'].map((name) => letter + name),
      ),
    ],
    rows: rows.flatMap((row) => linesOf(row, perRun)),
  };
}

export function legend(runs: readonly Results[]): string {
  return runs.map(({ origin }, at) => `${letterOf(at)}: ${origin}\n`).join('');
}

function letterOf(at: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + at);
}

function linesOf(row: Row, runs: readonly (readonly Figure[])[]): (readonly Cell[])[] {
  const mine = runs.map((figures) => figures.filter((figure) => rowOf(figure) === row));
  const target = describeTarget(row);
  const keys = [...new Set(mine.flat().map(keyOf))];
  if (keys.length === 0) {
    const n = row.sizes?.join(', ') ?? '';
    const rest = runs.flatMap(() => ['not measured', '', '', '', '']);
    return [[row.title, `npm run bench -- ${row.case}`, n, target, ...rest]];
  }
  return keys.map((key) => {
    const found = mine.map((figures) => figures.find((figure) => keyOf(figure) === key));
    const [some] = found.flatMap((figure) => figure ?? []);
    const { name = '', n = 0 } = some ?? {};
    return [row.title, name, n, target, ...found.flatMap((figure) => cellsOf(figure, row))];
  });
}

/** Counts of a run may stand in brackets in the name; the rows of two runs are the same without. */
function keyOf({ name, n }: Figure): string {
  return `${name.replace(/ \(.*\)$/, '')} ${n}`;
}

function cellsOf(figure: Figure | undefined, { target }: Row): readonly Cell[] {
  if (figure === undefined) return ['not measured', '', '', '', ''];
  const { value, worst, floor, unit = 'ms', reloads } = figure;
  const counted = reloads === undefined ? '' : `, ${reloads} reload${reloads === 1 ? '' : 's'}`;
  return [
    `${ms(value)} ${unit}${counted}`,
    worst === undefined ? '' : `${ms(worst)} ${unit}`,
    floor.value === 0 ? '' : `${ms(floor.value)} ${unit} (${floor.name})`,
    floor.value === 0 ? '' : ratio(value, floor.value),
    isMet(figure, target) ? 'yes' : 'no',
  ];
}
