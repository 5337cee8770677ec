/** Plain data with each of its texts replaced; keys stay. */
export function eachText<T>(value: T, replace: (text: string) => string): T {
  return replaced(value, replace) as T;
}

function replaced(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === 'string') return replace(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => replaced(item, replace));
  const entries = Object.entries(value).map(([key, item]) => [key, replaced(item, replace)]);
  return Object.fromEntries(entries);
}
