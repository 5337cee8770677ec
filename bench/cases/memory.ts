import { fork } from 'node:child_process';

import { builtOnce } from '../built.js';
import type { Figure } from '../figure.js';
import { type World, environmentOf } from '../world.js';

export interface MemoryReport {
  readonly loadedMb: number;
  readonly startedMb: number;
  readonly halfwayMb: number;
  readonly laterMb: number;
}

const passes = Number(process.env['BENCH_PASSES'] ?? 1000);

/** Resident memory of a process, built like the program, that makes the passes and nothing else. */
export async function benchMemory(world: World): Promise<Figure[]> {
  const file = await builtOnce('bench/memory-process.ts');
  // As in the systemd unit and in the image.
  const started = { MALLOC_ARENA_MAX: '1' };
  const env = { ...process.env, ...environmentOf(world.dp, world.nomad.url), ...started };
  const child = fork(file, [String(passes)], { execArgv: [], env });
  const report = await new Promise<MemoryReport>((done, failed) => {
    child.once('message', (message) => done(message as MemoryReport));
    child.once('exit', (code) => failed(new Error(`the passes ended with ${code}`)));
  });
  const floor = { name: 'modules loaded, no pass', value: report.loadedMb };
  const { n } = world;
  return [
    { name: 'memory: after start', n, value: report.startedMb, unit: 'MB', floor },
    { name: 'memory: after half of the passes', n, value: report.halfwayMb, unit: 'MB', floor },
    { name: `memory: after ${passes} passes`, n, value: report.laterMb, unit: 'MB', floor },
  ];
}
