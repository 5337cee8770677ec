/**
 * Drops items with the key of an earlier one. Linear, as a service may name thousands of domains.
 */
export function firstOfEach<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  if (items.length < 2) return [...items];
  const seen = new Set<string>();
  return items.filter((item) => {
    const key = keyOf(item);
    return !seen.has(key) && seen.add(key);
  });
}
