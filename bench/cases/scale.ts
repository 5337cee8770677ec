import { controlled, msUntil, serversOf } from '../controlled.js';
import type { Figure } from '../figure.js';
import { backendOf, floorsOf } from '../floors.js';
import type { World } from '../world.js';

const count = 8;
const name = 'scaled';

/** A group that says `count = 8` has one instance, then all: what counts are the reloads. */
export async function benchScale(world: World): Promise<Figure[]> {
  const { connector, cost, stop } = await controlled(world);
  const floors = floorsOf(world);
  const floor = { name: 'no-reload write', value: await floors.noReloadWrite() };
  floors.close();
  const [first] = world.ports;
  // Nothing listens at the others: to be bound to a server they need not serve.
  const others = Array.from({ length: count - 1 }, (_, at) => 65_000 + at);
  try {
    await world.nomad.send({ kind: 'serve', names: [name], ports: [first], count });
    await connector.waitSettled();
    let took = 0;
    const { nomad, dataPlane, reloads } = await cost(async () => {
      let last = 0;
      for (const port of others)
        last = await world.nomad.send({ kind: 'add-instance', name, port });
      took = await msUntil(last, 'all to be bound', async () => {
        const bound = (await serversOf(world, backendOf(name))).map(({ port }) => port);
        return others.every((port) => bound.includes(port));
      });
    });
    await cost(async () => void (await world.nomad.send({ kind: 'remove', name })));
    const counts = { nomadRequests: nomad, dataPlaneRequests: dataPlane, reloads };
    return [{ name: `scale: from 1 to ${count}`, n: world.n, value: took, floor, ...counts }];
  } finally {
    await stop();
  }
}
