/** More are kept no longer: no fleet has so many different ones, unless none is worth sharing. */
const most = 2000;

/** One value for all equal keys: what many objects have in common is made, kept and compared once. */
export function interned<T>(): (key: string, make: () => T) => T {
  let known = new Map<string, T>();
  return (key, make) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const value = make();
    if (known.size >= most) known = new Map();
    known.set(key, value);
    return value;
  };
}
