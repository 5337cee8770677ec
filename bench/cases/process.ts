import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { median } from '../bare-client.js';
import { builtProgram } from '../built.js';
import type { Figure } from '../figure.js';
import { type World, environmentOf } from '../world.js';

const runs = 10;

/** The built program as a user starts it, with nothing to do; the floor is Node that does nothing. */
export async function benchProcess(world: World): Promise<Figure[]> {
  await world.settle();
  const main = await builtProgram();
  const env = { ...process.env, ...environmentOf(world.dp, world.nomad.url) };
  const floor = ['-e', '0'];
  const kinds = ['--version', '--help', '--dry-run'].map((flag) => [main, flag]);
  const times = [floor, ...kinds].map((): number[] => []);
  // In turns, so that what else the machine does meets all of them.
  for (let run = 0; run < runs; run++) {
    for (const [at, args] of [floor, ...kinds].entries()) times[at]?.push(await timeOf(args, env));
  }
  const [bare = [], ...measured] = times;
  return kinds.map(([, flag], at) => ({
    ...{ name: `process: ${flag}`, n: world.n, value: median(measured[at] ?? []) },
    worst: Math.max(...(measured[at] ?? [])),
    floor: { name: 'node -e 0', value: median(bare) },
  }));
}

async function timeOf(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
  return performance.now() - start;
}
