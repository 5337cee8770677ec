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

/** `list.flatMap(make)`, item by item. */
export function* flatMapInSlices<T, R>(
  list: Iterable<T>,
  make: (item: T) => readonly R[],
): Sliced<R[]> {
  const made: R[] = [];
  for (const item of list) {
    for (const one of make(item)) made.push(one);
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

/** When the loop last turned for one of us. It may have turned since, and then turns once too often. */
let turnedAt = -Infinity;

/** Lets the event loop turn if it has been held for a while. Between the steps of a long computation. */
export async function breathe(): Promise<void> {
  if (performance.now() - turnedAt < sliceMs) return;
  await turn();
  turnedAt = performance.now();
}

/** Lets the event loop turn whenever the parts have taken a while. */
export async function runInSlices<T>(sliced: Sliced<T>): Promise<T> {
  for (;;) {
    if (performance.now() - turnedAt >= sliceMs) await breathe();
    const step = sliced.next();
    if (step.done === true) return step.value;
  }
}
