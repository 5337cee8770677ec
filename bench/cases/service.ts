import { controlled, msUntil } from '../controlled.js';
import type { Figure } from '../figure.js';
import { floorsOf } from '../floors.js';
import type { World } from '../world.js';
import { status } from './start.js';

/** One new service comes, and goes. */
export async function benchService(world: World): Promise<Figure[]> {
  const { connector, cost, stop } = await controlled(world);
  const floors = floorsOf(world);
  const floor = { name: 'forced load', value: await floors.forcedLoad() };
  floors.close();
  await connector.waitSettled();
  const { n } = world;
  const [first, second] = world.ports;
  let [loaded, answered, gone] = [0, 0, 0];
  try {
    const coming = await cost(async () => {
      const ports = [first, second];
      const at = await world.nomad.send({ kind: 'serve', names: ['late'], ports });
      // 503 says that the route leads to the backend, whose servers wait for their check.
      loaded = await msUntil(at, 'its route', async () => (await status(world, 'late')) !== 404);
      answered = await msUntil(at, 'its answer', async () => (await status(world, 'late')) === 200);
    });
    const going = await cost(async () => {
      const at = await world.nomad.send({ kind: 'remove', name: 'late' });
      gone = await msUntil(at, 'it to go', async () => (await status(world, 'late')) === 404);
    });
    const counts = ({ nomad, dataPlane, reloads, phases }: typeof coming) => ({
      ...{ nomadRequests: nomad, dataPlaneRequests: dataPlane, reloads, phases },
    });
    return [
      { name: 'service comes: routed', n, value: loaded, floor, ...counts(coming) },
      { name: 'service comes: first answer', n, value: answered, floor, ...counts(coming) },
      { name: 'service goes', n, value: gone, floor, ...counts(going) },
    ];
  } finally {
    await stop();
  }
}
