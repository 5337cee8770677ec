import { setTimeout as delay } from 'node:timers/promises';

import { controlled, msUntil, serversOf } from '../controlled.js';
import type { Figure } from '../figure.js';
import { backendOf } from '../floors.js';
import { type Hold, watchHolds } from '../holds.js';
import type { World } from '../world.js';

const withProfile = process.env['BENCH_PROFILE'] === '1';
const passes = 5;
const changes = 5;

/** The longest time for which nothing else runs in the process: health would not be answered. */
export async function benchHold(world: World): Promise<Figure[]> {
  const idle = await longestHold('idle', () => delay(1000));
  const start = await longestHold('start', () => world.pass());
  await world.settle();
  const noop = await longestHold('noop', async () => {
    for (let pass = 0; pass < passes; pass++) await world.pass();
  });
  const { cost, stop } = await controlled(world);
  try {
    const endpoint = await longestHold('endpoint', async () => {
      for (let at = 0; at < changes; at++) await cost(() => comes(world, at));
    });
    const held = { start, noop, endpoint };
    const { n } = world;
    return Object.entries(held).flatMap(([what, { ms, cpuMs }]) => [
      { name: `hold: ${what}`, n, value: ms, floor: { name: 'idle', value: idle.ms } },
      {
        name: `hold: ${what}, CPU time`,
        n,
        value: cpuMs,
        floor: { name: 'idle', value: idle.cpuMs },
      },
    ]);
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

/** Milliseconds; with `BENCH_PROFILE=1`, the calls that took them are told too. */
async function longestHold(
  what: string,
  task: () => Promise<unknown>,
): Promise<{ readonly ms: number; readonly cpuMs: number }> {
  const watch = await watchHolds(withProfile);
  await task();
  const holds = await watch.stop();
  for (const { ms, cpuMs, calls } of withProfile ? holds : []) {
    const lines = [`${what}: ${ms.toFixed()} ms, CPU time ${cpuMs.toFixed()} ms`, ...calls];
    process.stderr.write(`${lines.join('\n  ')}\n`);
  }
  const most = (of: (hold: Hold) => number): number =>
    holds.reduce((all, hold) => Math.max(all, of(hold)), 0);
  return { ms: most(({ ms }) => ms), cpuMs: most(({ cpuMs }) => cpuMs) };
}
