import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { expect } from 'chai';

const heap = join(import.meta.dirname, '../../src/shared/heap.ts');

/** Keeps some of what it makes, so that much survives each collection of the young generation. */
const script = (before: string): string => `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { keepHeapSmall } from ${JSON.stringify(heap)};
  ${before};
  const kept = [];
  for (let at = 0; at < 2_000_000; at++) kept[at % 200_000] = { at };
  const { space_size } = getHeapSpaceStatistics().find((one) => one.space_name === 'new_space');
  console.log(space_size);
`;

function youngBytes(before: string): number {
  const args = ['--import', 'tsx', '--input-type=module', '-e', script(before)];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

describe('the heap of a daemon', () => {
  it('has a young generation that stays small, set at run time', () => {
    expect(youngBytes('')).to.be.greaterThan(8 << 20);
    expect(youngBytes('keepHeapSmall()')).to.be.at.most(8 << 20);
  }).timeout(30_000);
});
