import type { Sliced } from './slices.js';

/**
 * Returns `after` with every part that equals its counterpart in `before` replaced by that same
 * object, so that unchanged parts can be recognised by reference. Where nothing is replaced, it is
 * `after` itself, which may be compared again elsewhere. Plain data only. List items are matched by
 * name, so inserting or removing one doesn't affect the others.
 */
export function keep<T>(before: T | undefined, after: T): T {
  if (before === undefined || Object.is(before, after)) return after;
  if (Array.isArray(before) && Array.isArray(after)) return keepItems(before, after) as T;
  if (isRecord(before) && isRecord(after)) return keepValues(before, after) as T;
  return after;
}

/** The parts of a whole that are visited one by one; what is deeper is small. */
const sliceDepth = 3;

/** The same for large values, in parts. */
export function* keepInSlices<T>(before: T | undefined, after: T, depth = sliceDepth): Sliced<T> {
  if (before === undefined || Object.is(before, after)) return after;
  if (depth === 0) {
    yield;
    return keep(before, after);
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    return (yield* keepItemsInSlices(before, after, depth - 1)) as T;
  }
  if (isRecord(before) && isRecord(after)) {
    return (yield* keepValuesInSlices(before, after, depth - 1)) as T;
  }
  return after;
}

function keepItems(before: readonly unknown[], after: readonly unknown[]): readonly unknown[] {
  if (after.length === before.length) {
    const kept = after.map((item, at) => keep(before[at], item));
    if (kept.every((item, at) => Object.is(item, before[at]))) return before;
  }
  const { head, pairs, tail } = paired(before, after);
  return sameItems(after, [...head, ...pairs.map(([old, item]) => keep(old, item)), ...tail]);
}

function* keepItemsInSlices(
  before: readonly unknown[],
  after: readonly unknown[],
  depth: number,
): Sliced<readonly unknown[]> {
  if (after.length === before.length) {
    let isSame = true;
    for (const [at, item] of after.entries()) {
      isSame &&= Object.is(yield* keepInSlices(before[at], item, depth), before[at]);
      if (!isSame) break;
    }
    if (isSame) return before;
  }
  const { head, pairs, tail } = paired(before, after);
  yield;
  const kept: unknown[] = [];
  for (const [old, item] of pairs) kept.push(yield* keepInSlices(old, item, depth));
  return sameItems(after, [...head, ...kept, ...tail]);
}

/** `after`, unless an item was replaced. */
function sameItems(after: readonly unknown[], kept: readonly unknown[]): readonly unknown[] {
  return kept.every((item, at) => Object.is(item, after[at])) ? after : kept;
}

interface Paired {
  /** The same objects in both lists. */
  readonly head: readonly unknown[];
  readonly tail: readonly unknown[];
  /** Of the items between them: the one before, and the one now. */
  readonly pairs: readonly (readonly [unknown, unknown])[];
}

/** Most lists are the same but for a few items: only what is between those at both ends is named. */
function paired(before: readonly unknown[], after: readonly unknown[]): Paired {
  const [start, end] = sameEnds(before, after);
  const old = before.slice(start, before.length - end);
  const middle = after.slice(start, after.length - end);
  const known = new Map(old.map(named()));
  return {
    head: after.slice(0, start),
    pairs: middle.map(named()).map(([name, item], at) => [known.get(name) ?? old[at], item]),
    tail: after.slice(after.length - end),
  };
}

/** How many items are the same objects at the start, and at the end. */
function sameEnds(before: readonly unknown[], after: readonly unknown[]): [number, number] {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && Object.is(before[start], after[start])) start++;
  let end = 0;
  while (end < most - start && Object.is(before.at(-1 - end), after.at(-1 - end))) end++;
  return [start, end];
}

function keepValues(before: Plain, after: Plain): Plain {
  const keys = Object.keys(after);
  let kept: Record<string, unknown> | undefined;
  let isSame = keys.length === Object.keys(before).length;
  for (const key of keys) {
    const isKnown = Object.hasOwn(before, key);
    const value = keep(isKnown ? before[key] : undefined, after[key]);
    isSame &&= isKnown && Object.is(value, before[key]);
    // A copy only where it is needed: these are as large as what is read.
    if (!Object.is(value, after[key])) (kept ??= { ...after })[key] = value;
  }
  return isSame ? before : (kept ?? after);
}

function* keepValuesInSlices(before: Plain, after: Plain, depth: number): Sliced<Plain> {
  const keys = Object.keys(after);
  let kept: Record<string, unknown> | undefined;
  let isSame = keys.length === Object.keys(before).length;
  for (const key of keys) {
    const isKnown = Object.hasOwn(before, key);
    const old = isKnown ? before[key] : undefined;
    const value = yield* keepInSlices(old, after[key], depth);
    isSame &&= isKnown && Object.is(value, before[key]);
    if (!Object.is(value, after[key])) (kept ??= { ...after })[key] = value;
  }
  return isSame ? before : (kept ?? after);
}

type Plain = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const naming = ['id', 'namespace', 'name', 'slotPrefix', 'service', 'match', 'host', 'path'];

/** List items with unique names: duplicates are numbered. */
function named(): (item: unknown) => [string, unknown] {
  const counts = new Map<string, number>();
  return (item) => {
    const name = nameOf(item);
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return [`${count} ${name}`, item];
  };
}

/** An item's name, otherwise its content. */
function nameOf(item: unknown): string {
  if (!isRecord(item)) return JSON.stringify(item) ?? '';
  const names = naming.map((key) => (Object.hasOwn(item, key) ? item[key] : undefined));
  return names.every((name) => name === undefined)
    ? JSON.stringify(item)
    : names.map((name) => JSON.stringify(name)).join(' ');
}
