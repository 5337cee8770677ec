/** Something to warn about, known by its key. */
export interface Standing<T> {
  readonly key: string;
  readonly value: T;
}

/**
 * Reports each thing once, and again only after it was gone. Each call brings all that stands now:
 * a loop that sees the same trouble in every pass says it once.
 */
export interface WarnOnce<T> {
  /** Returns what is gone since the last call, by key. */
  readonly update: (now: readonly Standing<T>[]) => readonly string[];
}

export function createWarnOnce<T>(warn: (value: T) => void): WarnOnce<T> {
  let standing: ReadonlySet<string> = new Set();
  return {
    update: (now) => {
      const next = new Set<string>();
      for (const { key, value } of now) {
        if (!standing.has(key) && !next.has(key)) warn(value);
        next.add(key);
      }
      const gone = [...standing].filter((key) => !next.has(key));
      standing = next;
      return gone;
    },
  };
}
