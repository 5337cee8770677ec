import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

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
  const flags = ['--version', '--help', '--dry-run'];
  const programs = [['-e', '0'], ...flags.map((flag) => [main, flag])];
  const spent = programs.map((): Spent[] => []);
  // In turns, so that what else the machine does meets all of them.
  for (let run = 0; run < runs; run++) {
    for (const [at, args] of programs.entries()) spent[at]?.push(await spend(args, env));
  }
  const [bare = [], ...measured] = spent;
  return flags.flatMap((flag, at) => [
    figure(world, `process: ${flag}`, timesOf(measured[at]), timesOf(bare)),
    figure(world, `process: ${flag}, CPU time`, cpuOf(measured[at]), cpuOf(bare)),
  ]);
}

function figure(
  { n }: World,
  name: string,
  values: readonly number[],
  floor: readonly number[],
): Figure {
  const bare = { name: 'node -e 0', value: median(floor) };
  return { name, n, value: median(values), worst: Math.max(...values), floor: bare };
}

const timesOf = (all: readonly Spent[] = []): number[] => all.map(({ ms }) => ms);
const cpuOf = (all: readonly Spent[] = []): number[] => all.map(({ cpuMs }) => cpuMs);

interface Spent {
  readonly ms: number;
  /** All threads, in steps of 10 ms; says more than the time on a machine with other work. */
  readonly cpuMs: number;
}

async function spend(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Spent> {
  const [start, cpu] = [performance.now(), childrensCpuMs()];
  const child = spawn(process.execPath, args, { env, stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
  return { ms: performance.now() - start, cpuMs: childrensCpuMs() - cpu };
}

/** Of the children that have ended. */
function childrensCpuMs(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}
