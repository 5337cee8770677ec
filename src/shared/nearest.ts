/** The known word with the fewest edits, unless all are too far. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  return nearestFew(word, known, 1)[0];
}

/** Nobody mistypes more, and comparing long words would take long. */
const mostEdits = 8;

/** The known words with the fewest edits, nearest first; the order given decides between equals. */
export function nearestFew(word: string, known: Iterable<string>, most: number): readonly string[] {
  const limit = Math.min(mostEdits, Math.max(2, Math.floor(word.length / 3)));
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

/** Levenshtein distance; Infinity if it isn't within the limit. */
function editDistance(a: string, b: string, limit: number): number {
  // What both begin and end with costs nothing: hosts of one domain differ in a few characters.
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a.charCodeAt(start) === b.charCodeAt(start)) start++;
  let end = 0;
  while (
    end < most - start &&
    a.charCodeAt(a.length - 1 - end) === b.charCodeAt(b.length - 1 - end)
  )
    end++;
  return distanceOf(a.slice(start, a.length - end), b.slice(start, b.length - end), limit);
}

/** Using one row, until it can't be within the limit any more. */
function distanceOf(a: string, b: string, limit: number): number {
  const row: number[] = [];
  for (let j = 0; j <= b.length; j++) row.push(j);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = i - 1;
    let left = i;
    let least = i;
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j] ?? 0;
      const changed = diagonal + (a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1);
      left = Math.min(changed, above + 1, left + 1);
      if (left < least) least = left;
      row[j] = left;
      diagonal = above;
    }
    if (least > limit) return Infinity;
  }
  return row[b.length] ?? 0;
}
