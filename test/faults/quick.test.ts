/** Each fault at a few steps; `npm run test:faults` is the whole table. */

import { expect } from 'chai';

import { installClock, uninstallClock } from './clock.js';
import { faults } from './faults.js';
import { problemsOf } from './report.js';
import { nameOf } from './steps.js';
import { type Cell, runTable } from './table.js';

/** One for each way of writing. */
const writes: readonly string[] = [
  'service comes: PUT transactions/{id}',
  'instance comes: POST configuration/raw',
  'service goes: PUT storage/maps/nomad_exact.map',
];
/** Each is in one phase only. */
const reads: readonly string[] = ['service/late', 'GET runtime/backends/%20/servers'];

/** R6.3: whatever goes wrong, at whatever request, it is mended without a person. */
describe('the loop, with a fault at a request', () => {
  before(installClock);
  after(uninstallClock);

  it('converges, loses nothing, and leaves disk and process as one', async function () {
    this.timeout(300_000);
    const choose = ({ fault, step }: Cell): boolean =>
      (writes.includes(nameOf(step)) || reads.includes(step.request)) &&
      // A program takes a second to start.
      (fault.program !== true || step.phase === 'instance comes');
    const { results } = await runTable({ faults, choose, nomad: 'simulator' });
    for (const { fault, why } of results.filter(({ outcome }) => outcome === 'skipped')) {
      process.stderr.write(`SKIPPED: ${fault}: ${why}\n`);
    }
    expect(problemsOf(results.filter(({ outcome }) => outcome === 'failed'))).to.deep.equal([]);
    expect(new Set(results.map(({ fault }) => fault)).size).to.equal(faults.length);
  });
});
