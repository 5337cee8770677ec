/** More are kept no longer: no fleet has so many different ones, unless none is worth sharing. */
const most = 2000;
/**
 * Nor are more characters of keys. A usual section has 500 to 1,500 of them. A service may have one of
 * half a million, and another one after each change of its job.
 */
const mostCharacters = 2_000_000;

/** One value for all equal keys: what many objects have in common is made, kept and compared once. */
export function interned<T>(): (key: string, make: () => T) => T {
  let known = new Map<string, T>();
  let characters = 0;
  return (key, make) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const value = make();
    if (known.size >= most || characters + key.length > mostCharacters) {
      known = new Map();
      characters = 0;
    }
    known.set(key, value);
    characters += key.length;
    return value;
  };
}
