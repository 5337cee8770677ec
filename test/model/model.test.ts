import { describe, it } from 'mocha';
import fc from 'fast-check';

import { type Step, steps } from './actions.js';
import { runSteps } from './run.js';
import { ModelWorld } from './world.js';

const runs = numberOf('MODEL_RUNS');
const seconds = numberOf('MODEL_SECONDS') ?? (runs === undefined ? 25 : undefined);
const seed = numberOf('MODEL_SEED') ?? (Date.now() ^ (process.pid << 8)) | 0;
const path = process.env['MODEL_PATH'];

function numberOf(name: string): number | undefined {
  const text = process.env[name] ?? '';
  return text === '' ? undefined : Number(text);
}

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
