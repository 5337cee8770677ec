import { waitFor } from '../../fixtures/process.js';
import { median } from '../bare-client.js';
import type { Figure } from '../figure.js';
import { floorsOf } from '../floors.js';
import type { World } from '../world.js';

const runs = 10;

/** A pass with nothing to do. */
export async function benchNoop(world: World): Promise<Figure[]> {
  // While servers come UP, there is something to look at.
  const isAtRest = async () => (await world.settle()).rest.waiting.length === 0;
  await waitFor('every server to be UP', isAtRest, { timeoutMs: 120_000 });
  const floors = floorsOf(world);
  const floor = { name: 'bare reads', value: await floors.unchanged() };
  floors.close();
  const reloadsBefore = await world.reloads();
  world.meter.take();
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    await world.pass();
    times.push(performance.now() - start);
  }
  const { nomad, dataPlane, phases } = world.meter.take();
  const reloads = (await world.reloads()) - reloadsBefore;
  return [
    {
      name: 'noop: pass',
      n: world.n,
      value: median(times),
      worst: Math.max(...times),
      floor,
      nomadRequests: nomad / runs,
      dataPlaneRequests: dataPlane / runs,
      reloads,
      phases: Object.fromEntries(
        Object.entries(phases).map(([phase, total]) => [phase, total / runs]),
      ),
    },
  ];
}
