/** The known word with the fewest edits, unless all are too far. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  return nearestFew(word, known, 1)[0];
}

/** The known words with the fewest edits, nearest first; the order given decides between equals. */
export function nearestFew(word: string, known: Iterable<string>, most: number): readonly string[] {
  const limit = Math.max(2, Math.floor(word.length / 3));
  const found: { readonly word: string; readonly distance: number }[] = [];
  for (const candidate of known) {
    const last = found.length < most ? undefined : found.at(-1);
    const bound = last === undefined ? limit : last.distance - 1;
    // The distance is at least the difference in length, and a long word costs its length each time.
    if (Math.abs(word.length - candidate.length) > bound) continue;
    const distance = editDistance(word, candidate, bound);
    if (distance > bound) continue;
    const at = found.findIndex((one) => one.distance > distance);
    found.splice(at < 0 ? found.length : at, 0, { word: candidate, distance });
    if (found.length > most) found.pop();
  }
  return found.map((one) => one.word);
}

/** Levenshtein distance, using two rows; Infinity as soon as it can't be within the limit any more. */
function editDistance(a: string, b: string, limit: number): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  let next = [...row];
  for (let i = 1; i <= a.length; i++) {
    let least = (next[0] = i);
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const cost = Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      next[j] = cost;
      if (cost < least) least = cost;
    }
    if (least > limit) return Infinity;
    [row, next] = [next, row];
  }
  return row[b.length] ?? 0;
}
