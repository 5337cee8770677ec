import { setTimeout as delay } from 'node:timers/promises';

import { freePort } from '../../fixtures/ports.js';
import { start, waitFor } from '../../fixtures/process.js';
import { builtProgram } from '../built.js';
import type { Figure } from '../figure.js';
import { cpuSeconds } from '../process-figures.js';
import { type World, environmentOf } from '../world.js';

/** Long enough for one pass by the timer, `sync.resync_interval`. */
const seconds = Number(process.env['BENCH_IDLE_SECONDS'] ?? 30);
/** By then, the examination at the start is over. */
const settleMs = 35_000;

/** CPU of the daemon, as built, and of HAProxy while nothing changes: watch, timer, checks. */
export async function benchIdle(world: World): Promise<Figure[]> {
  await world.settle();
  const port = await freePort();
  const args = [await builtProgram(), '--http-listen', `127.0.0.1:${port}`];
  const env = environmentOf(world.dp, world.nomad.url);
  const daemon = await start(process.execPath, args, { name: 'connector', env });
  try {
    const isReady = async (): Promise<boolean> =>
      (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    await waitFor('the daemon to be ready', () => isReady().catch(() => false), {
      timeoutMs: 120_000,
    });
    await delay(settleMs);
    const pids = [daemon.pid, await world.dp.haproxy.workerPid()];
    const before = await Promise.all(pids.map(cpuSeconds));
    await delay(seconds * 1000);
    const after = await Promise.all(pids.map(cpuSeconds));
    const shares = after.map((used, at) => ((used - (before[at] ?? 0)) / seconds) * 100);
    return ['connector', 'HAProxy, with its checks'].map((who, at) => ({
      ...{ name: `idle: ${who}`, n: world.n, value: shares[at] ?? 0, unit: '%' },
      floor: { name: 'none', value: 0 },
    }));
  } finally {
    await daemon.stop('SIGTERM');
  }
}
