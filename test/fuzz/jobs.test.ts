import { describe, it } from 'mocha';
import fc from 'fast-check';

import { envNumber, seedFrom } from '../../fixtures/env-number.js';
import { fuzzRun, type FuzzRun } from './arbitraries.js';
import { type Figures, FuzzWorld } from './world.js';

const runs = envNumber('FUZZ_RUNS');
const seconds = envNumber('FUZZ_SECONDS') ?? (runs === undefined ? 12 : undefined);
const seed = seedFrom('FUZZ_SEED');
const path = process.env['FUZZ_PATH'];

describe('jobs of any content, on the whole stack', () => {
  const figures: Figures = {
    ...{ runs: 0, services: 0, refused: 0, backends: 0 },
    ...{ longestPassMs: 0, longestBlockMs: 0, skipped: {} },
  };
  let world: FuzzWorld | undefined;

  after(async () => {
    await world?.close();
    const { skipped, ...rest } = figures;
    const rounded = Object.entries(rest).map(([name, value]) => `${name} ${value.toFixed(0)}`);
    console.log(`      ${rounded.join(', ')}, skipped ${JSON.stringify(skipped)}`);
  });

  it(`cost others nothing (seed ${seed})`, async function () {
    this.timeout(0);
    let running = Promise.resolve();
    async function run(given: FuzzRun): Promise<void> {
      world ??= await FuzzWorld.start(figures);
      try {
        await world.run(given, figures);
      } catch (cause) {
        // The next one has a world of its own.
        await world.close();
        world = undefined;
        throw cause;
      }
    }
    const property = fc.asyncProperty(fuzzRun, (given) => (running = run(given)));
    await fc.assert(property, {
      seed,
      ...(path === undefined ? {} : { path }),
      numRuns: path === undefined ? (runs ?? 1_000_000) : 1,
      ...(seconds === undefined ? {} : { interruptAfterTimeLimit: seconds * 1000 }),
      markInterruptAsFailure: false,
      endOnFailure: process.env['FUZZ_SHRINK'] === undefined,
    });
    // At the limit the last run is in the middle.
    await running;
  });
});
