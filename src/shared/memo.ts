/** Results by key, kept as long as what they were made of is the same. */

interface Made<T> {
  readonly of: readonly unknown[];
  readonly result: T;
}

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
