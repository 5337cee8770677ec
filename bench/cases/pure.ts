import { createDataPlaneReader } from '../../src/actual/dataplane-client.js';
import { createActualReader } from '../../src/actual/reader.js';
import type { ActualState } from '../../src/actual/types.js';
import { buildDesired } from '../../src/desired/build.js';
import { newDesiredMemory } from '../../src/desired/memory.js';
import { newPlanMemory } from '../../src/diff/plan/memory.js';
import { plan } from '../../src/diff/plan/plan.js';
import type { Plan } from '../../src/diff/types.js';
import { recordOf } from '../../src/haproxy/claims-record.js';
import { mapNames } from '../../src/haproxy/map-names.js';
import type { Catalog } from '../../src/observe/types.js';
import { medianOf } from '../bare-client.js';
import type { Figure } from '../figure.js';
import type { World } from '../world.js';

const runs = 7;

/**
 * Desired state and difference alone: nothing there yet, nothing changed, nothing changed with what
 * a process remembers of its last pass, and one service changed.
 */
export async function benchPure(world: World): Promise<Figure[]> {
  const empty = await readActual(world);
  await world.pass();
  const { catalog } = await world.settle();
  const full = await readActual(world);
  const text = { empty: JSON.stringify([catalog, empty]), full: JSON.stringify([catalog, full]) };
  const parse = async (json: string): Promise<number> =>
    medianOf(runs, () => Promise.resolve(JSON.parse(json)));
  const cold = await medianOf(runs, () => Promise.resolve(steps(world, catalog, empty)));
  const first = await medianOf(runs, () => Promise.resolve(steps(world, catalog, full)));
  const memory = { desired: newDesiredMemory(), plan: newPlanMemory() };
  if (steps(world, catalog, full, memory).steps.length > 0) {
    throw new Error('there is something to do');
  }
  const same = await medianOf(runs, () => Promise.resolve(steps(world, catalog, full, memory)));
  let at = 0;
  const changed = (): Plan => steps(world, withNewPort(catalog, at++), full, memory);
  const one = await medianOf(runs, () => Promise.resolve(changed()));
  const { n } = world;
  const floor = async (json: string) => ({ name: 'JSON.parse', value: await parse(json) });
  return [
    { name: 'pure: cold', n, value: cold, floor: await floor(text.empty) },
    { name: 'pure: without memory', n, value: first, floor: await floor(text.full) },
    { name: 'pure: unchanged', n, value: same, floor: await floor(text.full) },
    { name: 'pure: one service changed', n, value: one, floor: await floor(text.full) },
  ];
}

async function readActual({ settings }: World): Promise<ActualState> {
  return createActualReader(createDataPlaneReader(settings.targets[0]!), settings).read();
}

/** The first instance of one service is elsewhere. */
function withNewPort(catalog: Catalog, at: number): Catalog {
  const services = catalog.services.map((service, index) => {
    const [first, ...others] = service.instances;
    if (index !== at || first === undefined) return service;
    return { ...service, instances: [{ ...first, port: first.port + 1 }, ...others] };
  });
  return { ...catalog, services };
}

/** The process's memory, as of one pass to the next. */
interface Memory {
  readonly desired: ReturnType<typeof newDesiredMemory>;
  readonly plan: ReturnType<typeof newPlanMemory>;
}

const records = new WeakMap<ActualState, ReturnType<typeof recordOf>>();

function steps(
  { settings }: World,
  catalog: Catalog,
  actual: ActualState,
  memory: Memory = { desired: newDesiredMemory(), plan: newPlanMemory() },
): Plan {
  const stored = actual.maps[mapNames(settings.routing).claims]?.stored ?? {};
  const claims = records.get(actual) ?? recordOf(stored);
  records.set(actual, claims);
  const desired = buildDesired({ catalog, settings, claims, now: Date.now() }, memory.desired);
  const now = Math.floor(Date.now() / 1000);
  return plan(
    {
      ...{ catalog, desired, actual, settings, now },
      ...{ idle: new Set(), hidden: [], unstable: {} },
    },
    memory.plan,
  );
}
