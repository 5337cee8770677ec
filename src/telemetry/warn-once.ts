/** A warning, identified by its key. */
export interface Standing<T> {
  readonly key: string;
  readonly value: T;
}

/**
 * Reports each warning once, and again only if it went away in between. Each call passes everything
 * that is wrong now.
 */
export interface WarnOnce<T> {
  /** Returns the keys that went away since the last call. */
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
