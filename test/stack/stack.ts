import { after, beforeEach } from 'mocha';

import { type Stack, type StackOptions, startStack } from '../../fixtures/stack.js';

/**
 * A stack of its own for each test, as most of them break something in it. It ends when the next one
 * starts, so that a suite's `afterEach` can still look at it.
 */
export function useStack(options: StackOptions = {}): () => Stack {
  let running: Stack | undefined;
  const end = async (): Promise<void> => {
    await running?.close();
    running = undefined;
  };
  beforeEach(async function () {
    // The first time HAProxy may be downloaded and the stand-in built.
    this.timeout(300_000);
    await end();
    running = await startStack(options);
  });
  after(end);
  return () => {
    if (running === undefined) throw new Error('the stack is not running');
    return running;
  };
}
