/** The known word with the fewest edits, unless all are too far. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  return nearestFew(word, known, 1)[0];
}

/** The known words with the fewest edits, the nearest first, without those that are too far. */
export function nearestFew(word: string, known: readonly string[], most: number): string[] {
  const limit = Math.max(2, Math.floor(word.length / 3));
  const found: { word: string; distance: number }[] = [];
  for (const candidate of known) {
    // The distance is at least the difference in length, and a long word costs its length each time.
    if (Math.abs(word.length - candidate.length) > limit) continue;
    const distance = editDistance(word, candidate);
    const least = found.length < most ? Infinity : (found.at(-1)?.distance ?? Infinity);
    if (distance > limit || distance >= least) continue;
    const at = found.findIndex((one) => one.distance > distance);
    found.splice(at < 0 ? found.length : at, 0, { word: candidate, distance });
    if (found.length > most) found.pop();
  }
  return found.map((one) => one.word);
}

/** Levenshtein distance, using one row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
