/** Passes one after another, in a process that does nothing else; tells its parent its size. */

import { assemble } from '../src/assembly.js';
import { loadSettings } from '../src/config/settings.js';
import { keepHeapSmall } from '../src/shared/heap.js';
import type { MemoryReport } from './cases/memory.js';

const passes = Number(process.argv[2] ?? 1000);
const settings = loadSettings({ flags: {}, env: process.env, readFile: () => '' });
const { pass, nomad } = assemble(settings, { writes: true });
const { signal } = new AbortController();

const loadedMb = residentMb();
keepHeapSmall();
await passOnce();
const startedMb = residentMb();
for (let count = 0; count < passes / 2; count++) await passOnce();
const halfwayMb = residentMb();
for (let count = passes / 2; count < passes; count++) await passOnce();
process.send?.({ loadedMb, startedMb, halfwayMb, laterMb: residentMb() } satisfies MemoryReport);
nomad.close();
process.disconnect();

async function passOnce(): Promise<void> {
  for (const outcome of await pass(() => true, signal)) {
    if ('error' in outcome) throw outcome.error;
  }
}

function residentMb(): number {
  return process.memoryUsage().rss / 1024 / 1024;
}
