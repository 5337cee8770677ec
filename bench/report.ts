import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

export type Cell = string | number;

/** A table for people, which is also Markdown. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export function printTable({ title, columns, rows }: Table): string {
  const cells = [columns, ...rows.map((row) => row.map(String))];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [`### ${title}`, '', line(head), rule, ...body.map(line), ''].join('\n');
}

/** Writes `bench/results/<name>-<time>.json`, and gives its path. */
export async function writeResults(name: string, results: unknown): Promise<string> {
  const folder = resolve(import.meta.dirname, 'results');
  await mkdir(folder, { recursive: true });
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  const file = join(folder, `${name}-${time}.json`);
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  return file;
}

/** `12`, `3.4`, `0.56`: as many digits as say something. */
export function ms(value: number): number {
  if (value >= 10) return Math.round(value);
  return Number(value.toFixed(value >= 1 ? 1 : 2));
}

export function ratio(value: number, floor: number): string {
  return floor === 0 ? '-' : `${ms(value / floor)}x`;
}
