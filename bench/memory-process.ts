/** Passes one after another, in a process that does nothing else; tells its parent its size. */

import { assemble } from '../src/assembly.js';
import { onePass } from '../fixtures/stack/connector.js';
import { loadSettings } from '../src/config/settings.js';
import type { MemoryReport } from './cases/memory.js';

const passes = Number(process.argv[2] ?? 1000);
const settings = loadSettings({ flags: {}, env: process.env, readFile: () => '' });
const { pass, nomad } = assemble(settings, { writes: true });
const { signal } = new AbortController();

const loadedMb = residentMb();
await onePass(pass, signal);
const startedMb = residentMb();
for (let count = 0; count < passes; count++) await onePass(pass, signal);
process.send?.({ loadedMb, startedMb, laterMb: residentMb() } satisfies MemoryReport);
nomad.close();
process.disconnect();

function residentMb(): number {
  return process.memoryUsage().rss / 1024 / 1024;
}
