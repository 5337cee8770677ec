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

interface Made<T> {
  readonly of: readonly unknown[];
  readonly result: T;
}

/** Results by key, kept as long as what they were made of is the same. */
export class Memo<T> {
  #before = new Map<string, Made<T>>();
  #now = new Map<string, Made<T>>();

  /** Begins a round. What the last one didn't ask for is forgotten. */
  begin(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }

  /** The last result if `of` holds the same values and objects; else what `make` makes of it. */
  get(key: string, of: readonly unknown[], make: (before: T | undefined) => T): T {
    const last = this.#before.get(key);
    const isSame =
      last?.of.length === of.length && of.every((one, at) => Object.is(one, last.of[at]));
    const made = isSame ? last : { of, result: make(last?.result) };
    this.#now.set(key, made);
    return made.result;
  }
}
