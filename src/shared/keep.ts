import equal from 'fast-deep-equal';

/**
 * `after`, in which everything that is equal to what stood in `before` is the same object as there.
 * Plain data only. List items are matched by what names them, so one that was inserted or removed
 * costs the others nothing. What is unchanged can then be told by its reference.
 */
export function keep<T>(before: T | undefined, after: T): T {
  if (before === undefined || before === after) return after;
  if (equal(before, after)) return before;
  if (Array.isArray(before) && Array.isArray(after)) return keepItems(before, after) as T;
  if (isRecord(before) && isRecord(after)) return keepValues(before, after) as T;
  return after;
}

function keepItems(before: readonly unknown[], after: readonly unknown[]): readonly unknown[] {
  const known = new Map(before.map((item, at) => [nameOf(item, at), item]));
  return after.map((item, at) => keep(known.get(nameOf(item, at)), item));
}

function keepValues(before: Plain, after: Plain): Plain {
  const kept = Object.entries(after).map(([key, value]) => [
    key,
    keep(Object.hasOwn(before, key) ? before[key] : undefined, value),
  ]);
  return Object.fromEntries(kept) as Plain;
}

type Plain = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const naming = ['id', 'namespace', 'name', 'slotPrefix', 'service', 'match', 'host', 'path'];

/** An item of a list by its names, or by its place where it has none. */
function nameOf(item: unknown, at: number): string {
  if (!isRecord(item)) return String(at);
  const names = naming.map((key) => item[key]);
  return names.every((name) => name === undefined) ? String(at) : names.map(String).join(' ');
}
