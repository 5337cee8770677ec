import { expect } from 'chai';

import type { Figure } from '../../bench/figure.js';
import { type Results, summaryTable } from '../../bench/summary.js';
import { isMet, rowOf, rows } from '../../bench/targets.js';

const floor = { name: 'bare reads', value: 40 };
const noop = { name: 'noop: pass', n: 100, floor, nomadRequests: 3, dataPlaneRequests: 4 };

function met(figure: Figure): boolean {
  return isMet(figure, rowOf(figure)?.target ?? {});
}

function run(origin: string, ...figures: readonly Figure[]): Results {
  return { origin, found: { some: figures } };
}

describe('the table of targets', () => {
  it('compares with the floor of the same run', () => {
    expect(met({ ...noop, value: 60 })).to.equal(true);
    expect(met({ ...noop, value: 61 })).to.equal(false);
  });

  it('counts requests and reloads', () => {
    expect(met({ ...noop, value: 50, nomadRequests: 4 })).to.equal(false);
    expect(met({ ...noop, value: 50, reloads: 1 })).to.equal(false);
  });

  it('takes the target of the size', () => {
    const goes = { name: 'endpoint goes: no new request', floor, value: 50 };
    expect(met({ ...goes, n: 100 })).to.equal(false);
    expect(met({ ...goes, n: 1000 })).to.equal(true);
    expect(rowOf({ ...goes, n: 10 })).to.equal(undefined);
  });

  it('shows runs side by side, and what was not measured', () => {
    const standIn = run('stand-in', { ...noop, value: 50 });
    const real = run('real', { ...noop, value: 90 }, { ...noop, n: 1000, value: 60 });
    const table = summaryTable([standIn, real]);
    const found = table.rows.filter(([title]) => title === 'nothing to do');
    expect(found.map((row) => [row[2], row[4], row[8], row[9], row[13]])).to.deep.equal([
      [100, '50 ms', 'yes', '90 ms', 'no'],
      [1000, 'not measured', '', '60 ms', 'yes'],
    ]);
    expect(new Set(table.rows.map(([title]) => title))).to.have.property(
      'size',
      new Set(rows.map(({ title }) => title)).size,
    );
    for (const row of table.rows) expect(row).to.have.length(table.columns.length);
  });
});
