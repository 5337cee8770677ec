import { createDataPlaneReader } from '../../src/actual/dataplane-client.js';
import { createActualReader } from '../../src/actual/reader.js';
import type { ActualState } from '../../src/actual/types.js';
import { buildDesired } from '../../src/desired/build.js';
import { plan } from '../../src/diff/plan/plan.js';
import type { Plan } from '../../src/diff/types.js';
import type { Catalog } from '../../src/observe/types.js';
import { medianOf } from '../bare-client.js';
import type { Figure } from '../figure.js';
import type { World } from '../world.js';

const runs = 7;

/** Desired state and difference alone: nothing there yet, and nothing changed. */
export async function benchPure(world: World): Promise<Figure[]> {
  const empty = await readActual(world);
  await world.pass();
  const { catalog } = await world.settle();
  const full = await readActual(world);
  const text = { empty: JSON.stringify([catalog, empty]), full: JSON.stringify([catalog, full]) };
  const parse = async (json: string): Promise<number> =>
    medianOf(runs, () => Promise.resolve(JSON.parse(json)));
  const cold = await medianOf(runs, () => Promise.resolve(steps(world, catalog, empty)));
  const same = await medianOf(runs, () => Promise.resolve(steps(world, catalog, full)));
  if (steps(world, catalog, full).steps.length > 0) throw new Error('there is something to do');
  const { n } = world;
  const floor = async (json: string) => ({ name: 'JSON.parse', value: await parse(json) });
  return [
    { name: 'pure: cold', n, value: cold, floor: await floor(text.empty) },
    { name: 'pure: unchanged', n, value: same, floor: await floor(text.full) },
  ];
}

async function readActual({ settings }: World): Promise<ActualState> {
  return createActualReader(createDataPlaneReader(settings.targets[0]), settings).read();
}

function steps({ settings }: World, catalog: Catalog, actual: ActualState): Plan {
  const desired = buildDesired({ catalog, settings });
  const now = Math.floor(Date.now() / 1000);
  return plan({
    catalog,
    desired,
    actual,
    settings,
    now,
    idle: new Set(),
    hidden: [],
    unstable: {},
  });
}
