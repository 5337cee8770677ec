import { controlled, msUntil, serversOf } from '../controlled.js';
import type { Figure } from '../figure.js';
import { floorsOf } from '../floors.js';
import type { World } from '../world.js';

const changes = 200;
const overMs = 5000;

/** 200 services (or all, where there are fewer) replace an instance each, within 5 s. */
export async function benchBurst(world: World): Promise<Figure[]> {
  const { connector, cost, stop } = await controlled(world);
  const floors = floorsOf(world);
  const floor = { name: 'no-reload write', value: await floors.noReloadWrite() };
  floors.close();
  await connector.waitSettled();
  const names = world.names.slice(0, changes);
  const [first, , third] = world.ports;
  let took = 0;
  let lastAt = 0;
  const passesBefore = connector.results.length;
  try {
    const { nomad, dataPlane, reloads, phases } = await cost(async () => {
      const at = await world.nomad.send({
        ...{ kind: 'burst', names, from: first, to: third, overMs },
      });
      lastAt = at;
      took = await msUntil(at, 'all to be in HAProxy', async () => {
        const moved = (await serversOf(world)).filter(({ port, ready }) => port === third && ready);
        return moved.length === names.length;
      });
    });
    const passes = connector.results.slice(passesBefore);
    const writes = passes.filter(({ steps }) => steps.length > 0).map(({ times }) => times.endedAt);
    const during = writes.filter((at) => at <= lastAt).length;
    return [
      {
        name: `burst of ${names.length}: after the last (${passes.length} passes, ${writes.length} writes, ${during} of them during it)`,
        ...{ n: world.n, value: took, floor, reloads, phases },
        ...{ nomadRequests: nomad, dataPlaneRequests: dataPlane },
      },
    ];
  } finally {
    await stop();
  }
}
