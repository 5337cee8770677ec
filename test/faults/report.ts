import type { Result, Table } from './table.js';

const marks = {
  ok: 'ok',
  failed: '**FAILED**',
  unreached: '-',
  skipped: 'skipped',
  left: '',
} as const;

/** Faults by steps, and what went wrong below. */
export function renderTable({ origin, steps, results }: Table): string {
  const rows = [...new Set(results.map(({ fault }) => fault))];
  const cell = (row: string, step: string): string => {
    const found = results.find(({ fault, step: at }) => fault === row && at === step);
    return found === undefined ? '' : marks[found.outcome];
  };
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const numbers = steps.map((_, at) => String(at + 1));
  return [
    `# Faults: ${origin}`,
    '',
    summaryOf(results),
    '',
    line(['fault', ...numbers]),
    line(['---', ...numbers.map(() => '---')]),
    ...rows.map((row) => line([row, ...steps.map((step) => cell(row, step))])),
    '',
    ...steps.map((step, at) => `${at + 1}. ${step}`),
    '',
    ...problemsOf(results),
    '',
  ].join('\n');
}

export function summaryOf(results: readonly Result[]): string {
  const count = (outcome: Result['outcome']): number =>
    results.filter((one) => one.outcome === outcome).length;
  const names = ['ok', 'failed', 'unreached', 'skipped', 'left'] as const;
  return `${results.length} cases: ${names.map((name) => `${count(name)} ${name}`).join(', ')}`;
}

export function problemsOf(results: readonly Result[]): string[] {
  return results
    .filter(({ outcome }) => outcome === 'failed' || outcome === 'skipped')
    .map(({ fault, step, outcome, why = '' }) => `- ${outcome}: ${fault} at ${step}: ${why}`);
}
