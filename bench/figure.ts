import type { Phase } from '../src/pass/phases.js';
import { ms, ratio, type Table } from './report.js';

/** One measured thing, with the floor of the same run beside it. */
export interface Figure {
  readonly name: string;
  readonly n: number;
  readonly value: number;
  /** Milliseconds, unless given. */
  readonly unit?: 'ms' | 'µs' | 'MB' | '%';
  readonly floor: { readonly name: string; readonly value: number };
  readonly worst?: number;
  readonly nomadRequests?: number;
  readonly dataPlaneRequests?: number;
  readonly reloads?: number;
  readonly phases?: Readonly<Partial<Record<Phase, number>>>;
}

export function tableOf(title: string, figures: readonly Figure[]): Table {
  return {
    title,
    columns: [
      ...['measured', 'N', 'value', 'worst', 'floor', 'ratio'],
      ...['to Nomad', 'to the data plane', 'reloads'],
    ],
    rows: figures.map((one) => [
      one.name,
      one.n,
      `${ms(one.value)} ${one.unit ?? 'ms'}`,
      one.worst === undefined ? '' : `${ms(one.worst)} ${one.unit ?? 'ms'}`,
      `${ms(one.floor.value)} ${one.unit ?? 'ms'} (${one.floor.name})`,
      ratio(one.value, one.floor.value),
      one.nomadRequests ?? '',
      one.dataPlaneRequests ?? '',
      one.reloads ?? '',
    ]),
  };
}

const phases: readonly Phase[] = ['observe', 'actual', 'desired', 'diff', 'apply'];

/** Where the time goes. Observe and actual run side by side. */
export function phaseTable(figures: readonly Figure[]): Table {
  const withPhases = figures.filter((one) => one.phases !== undefined);
  return {
    title: 'Time by phase, in ms',
    columns: ['measured', 'N', ...phases],
    rows: withPhases.map((one) => [
      one.name,
      one.n,
      ...phases.map((phase) => ms(one.phases?.[phase] ?? 0)),
    ]),
  };
}
