import { get } from 'node:http';

import { domainOf } from '../../fixtures/stack.js';
import { waitFor } from '../../fixtures/process.js';
import { eightAtATime } from '../bare-client.js';
import type { Figure } from '../figure.js';
import { floorsOf } from '../floors.js';
import type { World } from '../world.js';

/** An empty HAProxy and a full catalog: until the pass has ended, and until each domain answers. */
export async function benchStart(world: World): Promise<Figure[]> {
  const reloadsBefore = await world.reloads();
  const start = performance.now();
  const result = await world.pass();
  const passMs = performance.now() - start;
  if (result.rest.steps.length > 0) throw new Error('the first pass left something to do');
  await allRouted(world);
  const routedMs = performance.now() - start;
  const { nomad, dataPlane, phases } = world.meter.take();
  const reloads = (await world.reloads()) - reloadsBefore;
  const floors = floorsOf(world);
  const catalog = await floors.catalog();
  const load = await floors.forcedLoad();
  floors.close();
  const floor = { name: `catalog ${Math.round(catalog)} + load`, value: catalog + load };
  const counts = { nomadRequests: nomad, dataPlaneRequests: dataPlane, reloads };
  return [
    { name: 'start: pass', n: world.n, value: passMs, floor, ...counts, phases },
    { name: 'start: all routed', n: world.n, value: routedMs, floor, ...counts },
  ];
}

/** Each domain, through HAProxy; a server answers once its check has passed. */
async function allRouted(world: World): Promise<void> {
  await eightAtATime(world.names, (name) =>
    waitFor(`${name} to be routed`, async () => (await status(world, name)) === 200, {
      timeoutMs: 120_000,
    }),
  );
}

export function status({ dp }: Pick<World, 'dp'>, name: string): Promise<number> {
  return new Promise((done, failed) => {
    const headers = { host: domainOf(name) };
    const options = { host: '127.0.0.1', port: dp.frontendPort, headers, agent: false };
    get(options, (answer) => {
      answer.resume();
      answer.on('end', () => done(answer.statusCode ?? 0));
    }).on('error', failed);
  });
}
