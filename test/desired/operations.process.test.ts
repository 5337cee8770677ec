import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect } from 'chai';

const script = fileURLToPath(new URL('operations.ts', import.meta.url));

/**
 * Blocks of code that run to plan one service, between two turns of the event loop. 0.7 million took
 * 21 ms. Before they were bounded, the same services took up to 55 million.
 */
const most = 1_000_000;

describe('one service, as large as it may be', function () {
  this.timeout(180_000);

  it('is planned with a bounded number of operations', async () => {
    const { NODE_V8_COVERAGE: _, ...env } = process.env;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--import', 'tsx', script], { env });
    const counts = JSON.parse(stdout) as Record<string, number>;
    for (const [name, count] of Object.entries(counts)) expect(count, name).to.be.below(most);
  });
});
