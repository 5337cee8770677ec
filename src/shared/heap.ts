import { setFlagsFromString } from 'node:v8';

/**
 * V8 lets garbage grow to a few times of what is live, and its young generation to 32 MB. A daemon that
 * rests most of the time has no use for that: with these, it collects when the heap has grown by two
 * fifths, and the young generation stays as large as it is, 4 MB. V8 reads both at each collection, so
 * they hold however the program was started. What they cost: docs/performance.md, "memory", and
 * ADR 0033.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=40');
}
