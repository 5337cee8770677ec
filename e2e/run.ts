/**
 * `npm run e2e`. Tests that can't be run here are skipped aloud, and a run that skipped anything
 * doesn't end like one that passed: 0 is passed, 1 failed, 75 skipped.
 */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import Mocha from 'mocha';

const skippedCode = 75; // EX_TEMPFAIL

const mocha = new Mocha({ reporter: 'spec', forbidOnly: true, timeout: 180_000 });
const grep = process.argv[2];
if (grep !== undefined) mocha.grep(grep);
for (const name of await readdir(import.meta.dirname)) {
  if (name.endsWith('.test.ts')) mocha.addFile(join(import.meta.dirname, name));
}
await mocha.loadFilesAsync();
const { passes, failures, pending } = await runAll();
if (pending > 0) console.error(`SKIPPED, NOT RUN: ${pending} tests\n`);
console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
// The engine's connections would keep the process.
process.exit(exitCode());

function runAll(): Promise<Mocha.Stats> {
  return new Promise((resolve) => {
    const runner = mocha.run(() => resolve(runner.stats as Mocha.Stats));
  });
}

function exitCode(): number {
  if (failures > 0) return 1;
  return pending > 0 || passes === 0 ? skippedCode : 0;
}
