import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

import { controlled, msUntil, serversOf } from '../controlled.js';
import type { Figure } from '../figure.js';
import { backendOf } from '../floors.js';
import type { World } from '../world.js';

const resolution = 5;
const passes = 5;
const changes = 5;

/** The longest time for which nothing else runs in the process: health would not be answered. */
export async function benchHold(world: World): Promise<Figure[]> {
  const floor = { name: 'idle', value: await longestHold(() => delay(1000)) };
  const start = await longestHold(() => world.pass());
  await world.settle();
  const noop = await longestHold(async () => {
    for (let pass = 0; pass < passes; pass++) await world.pass();
  });
  const { cost, stop } = await controlled(world);
  try {
    const endpoint = await longestHold(async () => {
      for (let at = 0; at < changes; at++) await cost(() => comes(world, at));
    });
    const held = { start, noop, endpoint };
    return Object.entries(held).map(([what, value]) => ({
      ...{ name: `hold: ${what}`, n: world.n, value, floor },
    }));
  } finally {
    await stop();
  }
}

async function comes(world: World, at: number): Promise<void> {
  const name = world.names[at % world.names.length] ?? '';
  const [, , port] = world.ports;
  const since = await world.nomad.send({ kind: 'add-instance', name, port });
  await msUntil(since, 'it to come', async () =>
    (await serversOf(world, backendOf(name))).some(
      (server) => server.port === port && server.ready,
    ),
  );
}

/** Milliseconds. The histogram holds the time between two looks. */
async function longestHold(task: () => Promise<unknown>): Promise<number> {
  const histogram = monitorEventLoopDelay({ resolution });
  histogram.enable();
  await task();
  // The look that was due during the task's last part.
  await delay(2 * resolution);
  histogram.disable();
  return Math.max(0, histogram.max / 1e6 - resolution);
}
