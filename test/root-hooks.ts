/** For all suites (`.mocharc.json`): the first line says which parts of the stack are real. */

import { readFileSync } from 'node:fs';
import type { Context, RootHookObject, Suite } from 'mocha';

import { describeStack } from '../fixtures/stack.js';

/** What a test that starts processes imports, by itself or through its folder's own `stack.ts`. */
const starters = /from '[./]*(fixtures\/(stack|dataplane|haproxy)|stack)\b/;

export const mochaHooks: RootHookObject = {
  async beforeAll(this: Context) {
    // The first time HAProxy is downloaded.
    this.timeout(300_000);
    const root = (this.test?.parent ?? { suites: [] }) as Pick<Suite, 'suites'>;
    if (root.suites.some(startsStack)) console.log(`stack: ${await describeStack()}`);
  },
};

function startsStack({ file }: Suite): boolean {
  return file !== undefined && starters.test(readFileSync(file, 'utf8'));
}
