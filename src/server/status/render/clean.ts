/** Plain data with each of its texts replaced; keys stay. */
export function eachText<T>(value: T, replace: (text: string) => string): T {
  if (typeof value === 'string') return replace(value) as T;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.map((item): unknown => eachText(item, replace)) as T;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, eachText(item, replace)]);
  return Object.fromEntries(entries) as T;
}
