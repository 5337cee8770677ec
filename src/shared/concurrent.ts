import { setMaxListeners } from 'node:events';
import type PQueue from 'p-queue';

export interface Scope {
  readonly signal: AbortSignal;
  abort(): void;
  /** Removes the scope's listener from its parent. */
  done(): void;
}

/** For what nobody ends. */
export const never: AbortSignal = new AbortController().signal;

/** A signal that follows another. Unlike AbortSignal.any in Node 20, it doesn't leak listeners. */
export function scopeOf(parent: AbortSignal): Scope {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  // Many concurrent requests share a parent. Each removes its listener when done.
  setMaxListeners(0, parent);
  parent.addEventListener('abort', abort, { once: true });
  if (parent.aborted) abort();
  return {
    signal: controller.signal,
    abort,
    done: () => parent.removeEventListener('abort', abort),
  };
}

/** Waits for both to settle. Returns both results or throws the first error. */
export async function settleBoth<A, B>(
  first: Promise<A>,
  second: Promise<B>,
): Promise<readonly [A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}

/** All results, or the first error once nothing is running any more. */
export async function mapQueued<In, Out>(
  queue: PQueue,
  items: readonly In[],
  signal: AbortSignal,
  run: (item: In, signal: AbortSignal) => Promise<Out>,
): Promise<Out[]> {
  const scope = scopeOf(signal);
  try {
    return await Promise.all(items.map((item) => queue.add(() => run(item, scope.signal))));
  } catch (error) {
    queue.clear();
    scope.abort();
    await queue.onIdle();
    throw error;
  } finally {
    scope.done();
  }
}
