import { setImmediate as turn } from 'node:timers/promises';

/**
 * A long computation in parts. It knows nothing of time: its driver decides whether to pause between
 * two of them.
 */
export type Sliced<T> = Generator<undefined, T, undefined>;

/** `list.map(make)`, item by item. */
export function* mapInSlices<T, R>(list: readonly T[], make: (item: T) => R): Sliced<R[]> {
  const made: R[] = [];
  for (const item of list) {
    made.push(make(item));
    yield;
  }
  return made;
}

/** All parts without a pause. */
export function runThrough<T>(sliced: Sliced<T>): T {
  for (;;) {
    const step = sliced.next();
    if (step.done === true) return step.value;
  }
}

/** How long the event loop may be held: probes and signals are answered in between. */
const sliceMs = 20;

/** Lets the event loop turn whenever the parts have taken a while. */
export async function runInSlices<T>(sliced: Sliced<T>): Promise<T> {
  let since = performance.now();
  for (;;) {
    const step = sliced.next();
    if (step.done === true) return step.value;
    if (performance.now() - since < sliceMs) continue;
    await turn();
    since = performance.now();
  }
}
