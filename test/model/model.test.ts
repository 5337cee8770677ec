import { describe, it } from 'mocha';
import fc from 'fast-check';

import { envNumber, seedFrom } from '../../fixtures/env-number.js';
import { type Step, steps } from './actions.js';
import { runSteps } from './run.js';
import { ModelWorld } from './world.js';

const runs = envNumber('MODEL_RUNS');
const seconds = envNumber('MODEL_SECONDS') ?? (runs === undefined ? 25 : undefined);
const seed = seedFrom('MODEL_SEED');
const path = process.env['MODEL_PATH'];

describe('the whole stack, against a model of what must be served', () => {
  let world: ModelWorld | undefined;

  after(() => world?.close());

  it(`holds for any list of changes, faults and restarts (seed ${seed})`, async function () {
    this.timeout(0);
    const began = Date.now();
    let count = { runs: 0, actions: 0 };
    let origin = '';
    let running = Promise.resolve();
    const property = fc.asyncProperty(steps, (list) => (running = run(list)));
    async function run(list: readonly Step[]): Promise<void> {
      world ??= await ModelWorld.start();
      ({ origin } = world.stack);
      try {
        await runSteps(world, list);
        count = { runs: count.runs + 1, actions: count.actions + list.length };
      } catch (cause) {
        // The next one has a world of its own.
        await world.close();
        world = undefined;
        throw cause;
      }
    }
    try {
      await fc.assert(property, {
        seed,
        ...(path === undefined ? {} : { path }),
        numRuns: path === undefined ? (runs ?? 1_000_000) : 1,
        ...(seconds === undefined ? {} : { interruptAfterTimeLimit: seconds * 1000 }),
        markInterruptAsFailure: false,
        endOnFailure: process.env['MODEL_SHRINK'] === undefined,
      });
      // At the limit the last run is in the middle.
      await running;
    } finally {
      const took = ((Date.now() - began) / 1000).toFixed(0);
      console.log(
        `      ${count.runs} runs, ${count.actions} actions in ${took} s, seed ${seed}: ${origin}`,
      );
    }
  });
});
