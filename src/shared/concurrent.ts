import { setMaxListeners } from 'node:events';
import type PQueue from 'p-queue';

export interface Scope {
  readonly signal: AbortSignal;
  abort(): void;
  /** Takes the scope's listener off its parent. */
  done(): void;
}

/** A signal that follows another. AbortSignal.any keeps listeners for ever in Node 20; this doesn't. */
export function scopeOf(parent: AbortSignal): Scope {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  // Many requests share a parent at a time; each takes its listener off when it is done.
  setMaxListeners(0, parent);
  parent.addEventListener('abort', abort, { once: true });
  if (parent.aborted) abort();
  return {
    signal: controller.signal,
    abort,
    done: () => parent.removeEventListener('abort', abort),
  };
}

/** Both, or the error of the first that has one: once neither goes on by itself. */
export async function settleBoth<A, B>(
  first: Promise<A>,
  second: Promise<B>,
): Promise<readonly [A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}

/** All of it or the first error; after an error nothing runs on. */
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
