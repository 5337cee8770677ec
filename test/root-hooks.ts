/** For all suites (`.mocharc.json`): the first line says which parts of the stack are real. */

import childProcess from 'node:child_process';
import { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { Context, RootHookObject, Suite } from 'mocha';

import { describeStack } from '../fixtures/stack.js';

/** What a test that starts processes imports, by itself or through its folder's own `stack.ts`. */
const starters = /from '[./]*(fixtures\/(stack|dataplane|haproxy)|stack)\b/;

/** `npm run test:unit`: a test that starts a program fails. */
const isUnit = process.env['TESTS_START_NO_PROCESS'] !== undefined;

if (isUnit) {
  const refuse = (command: unknown): never => {
    throw new Error(`a unit test starts ${String(command)}: name its file *.process.test.ts`);
  };
  const all = { spawn: refuse, spawnSync: refuse, exec: refuse, execFile: refuse, fork: refuse };
  Object.assign(childProcess, { ...all, execSync: refuse, execFileSync: refuse });
  syncBuiltinESMExports();
}

export const mochaHooks: RootHookObject = {
  async beforeAll(this: Context) {
    if (isUnit) return;
    // The first time HAProxy is downloaded.
    this.timeout(300_000);
    const root = (this.test?.parent ?? { suites: [] }) as Pick<Suite, 'suites'>;
    if (root.suites.some(startsStack)) console.log(`stack: ${await describeStack()}`);
  },
};

function startsStack({ file }: Suite): boolean {
  return file !== undefined && starters.test(readFileSync(file, 'utf8'));
}
