/**
 * `make` with a memory of one: the same arguments, by reference, give the same result again. For
 * pure functions of immutable values.
 */
export function memoLast<A extends readonly unknown[], R>(
  make: (...args: A) => R,
): (...args: A) => R {
  let last: { readonly args: A; readonly result: R } | undefined;
  return (...args) => {
    if (last?.args.every((one, at) => Object.is(one, args[at])) !== true) {
      last = { args, result: make(...args) };
    }
    return last.result;
  };
}

/** Remembers one result per object, for as long as the object is in use. Other keys are forgotten. */
export function memoOf<R>(): (key: unknown, make: () => R) => R {
  const known = new WeakMap<object, { readonly result: R }>();
  return (key, make) => {
    if (typeof key !== 'object' || key === null) return make();
    const before = known.get(key);
    if (before !== undefined) return before.result;
    const result = make();
    known.set(key, { result });
    return result;
  };
}
