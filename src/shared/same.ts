/** `before` if `now` has the same items, each the same object; otherwise `now`. */

export function sameMap<K, V>(
  before: ReadonlyMap<K, V>,
  now: ReadonlyMap<K, V>,
): ReadonlyMap<K, V> {
  if (before.size !== now.size) return now;
  for (const [key, value] of now) {
    if (!before.has(key) || !Object.is(before.get(key), value)) return now;
  }
  return before;
}

export function sameList<T>(before: readonly T[] | undefined, now: readonly T[]): readonly T[] {
  const isSame =
    before?.length === now.length && now.every((one, at) => Object.is(one, before[at]));
  return isSame ? before : now;
}

export function sameRecord<T>(
  before: Readonly<Record<string, T>> | undefined,
  now: Readonly<Record<string, T>>,
): Readonly<Record<string, T>> {
  if (before === undefined) return now;
  const keys = Object.keys(now);
  const isSame =
    keys.length === Object.keys(before).length &&
    keys.every((key) => Object.hasOwn(before, key) && Object.is(now[key], before[key]));
  return isSame ? before : now;
}
