/**
 * Who claimed which host and route, and when. It stands in a map file that HAProxy never loads, so
 * that a new process knows it too (ADR 0020).
 */
export type ClaimRecord = Readonly<Record<string, ClaimTimes>>;

export const noClaims: ClaimRecord = {};

/** Unix milliseconds. */
export interface ClaimTimes {
  readonly since: number;
  /** Nobody wants it any more since then. */
  readonly gone?: number;
}

export type MapEntries = Readonly<Record<string, string>>;

/** The record of claims as this process wrote it. */
export interface WrittenClaims {
  readonly entries: MapEntries;
  /** The file as read before: a reader that keeps what it read shows that for a while. */
  readonly before: MapEntries | undefined;
}

const plainAscii = /^[ -~]*$/;

/** A name as one word of a key, whatever it holds. Half a surrogate pair can't be encoded. */
export function keyPart(name: string): string {
  return encodeURIComponent(plainAscii.test(name) ? name : Buffer.from(name).toString());
}

/** The file's lines: `<key> <since> [<gone>]`. */
export function recordEntries(record: ClaimRecord): MapEntries {
  return Object.fromEntries(
    Object.entries(record).map(([key, { since, gone }]) => [
      key,
      gone === undefined ? String(since) : `${since} ${gone}`,
    ]),
  );
}

/** Lines that aren't ours are left out. */
export function recordOf(entries: MapEntries): ClaimRecord {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([key, value]): [string, ClaimTimes][] => {
      const [, since, gone] = /^(\d{1,15})(?: (\d{1,15}))?$/.exec(value) ?? [];
      if (since === undefined) return [];
      return [
        [key, { since: Number(since), ...(gone === undefined ? {} : { gone: Number(gone) }) }],
      ];
    }),
  );
}

export interface RecordInput {
  readonly before: ClaimRecord;
  /** Keys that are claimed now. Of those that are new, the first is the oldest. */
  readonly wanted: readonly string[];
  /** Whether a claim that nobody seems to want may really be gone. */
  readonly mayGo: (key: string) => boolean;
  readonly now: number;
  readonly graceMs: number;
}

/**
 * The record after this pass: `before` itself if everything in it is wanted and nothing else is,
 * whatever the time.
 */
export function nextRecord({ before, wanted, mayGo, now, graceMs }: RecordInput): ClaimRecord {
  const isWanted = new Set(wanted);
  const known = Object.entries(before);
  const isWhole = wanted.every((key) => Object.hasOwn(before, key));
  if (isWhole && known.every(([key, { gone }]) => gone === undefined && isWanted.has(key))) {
    return before;
  }
  // No step of a clock makes a new claim older than one that is known.
  const since = known.reduce((most, [, one]) => Math.max(most, one.since + 1), now);
  const kept = known.flatMap(([key, times]): [string, ClaimTimes][] => {
    if (isWanted.has(key)) return [[key, times.gone === undefined ? times : withoutGone(times)]];
    if (!mayGo(key)) return [[key, times]];
    const gone = times.gone ?? now;
    return now - gone >= graceMs ? [] : [[key, { since: times.since, gone }]];
  });
  const fresh = [...isWanted]
    .filter((key) => !Object.hasOwn(before, key))
    .map((key, at): [string, ClaimTimes] => [key, { since: since + at }]);
  return Object.fromEntries([...kept, ...fresh].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function withoutGone({ since }: ClaimTimes): ClaimTimes {
  return { since };
}
