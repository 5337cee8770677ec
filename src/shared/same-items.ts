/** `before`, if both lists hold the same objects in the same order; otherwise `after`. */
export function sameItems<T>(before: readonly T[] | undefined, after: readonly T[]): readonly T[] {
  if (before === undefined || before.length !== after.length) return after;
  return after.every((item, at) => Object.is(item, before[at])) ? before : after;
}
