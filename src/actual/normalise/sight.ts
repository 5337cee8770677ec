import { isObject } from '../../shared/json.js';
import type { DataPlaneResponse } from '../dataplane-client.js';

/** HAProxy at a glance: what one `GET /runtime/info` tells. */
export interface Sight {
  /** The `Configuration-Version` of the answer; without it, a watch can tell restarts only. */
  readonly version?: number;
  readonly pid: number;
  /** Seconds. In a container, a worker that was started again often has the same pid. */
  readonly uptime?: number;
}

/** `down`: the Data Plane API or HAProxy doesn't answer. */
export type Glance = Sight | 'down';

/** What a watch knows of one HAProxy. */
export interface Known {
  /** What the last pass ended with; absent after one that failed: its own writes may still show. */
  readonly passed?: Sight;
  /** The last glance. */
  readonly last?: Glance;
  /** Wakes without a minute's rest between them. */
  readonly wakes: number;
  readonly wokeAt?: number;
}

export interface Judgement {
  readonly known: Known;
  readonly wakes: boolean;
}

export const nothingKnown: Known = { wakes: 0 };

/** So many wakes come at once; then they are spaced, as two writers may be undoing each other's work. */
const freeWakes = 5;
const firstSpaceMs = 2000;
const longestSpaceMs = 30_000;
const restMs = 60_000;

/**
 * | last glance | this one | a pass is asked for |
 * |---|---|---|
 * | any | down | no: it could only fail |
 * | down | up | yes: HAProxy may be another, a delayed reload may be lost |
 * | up | same pid, less uptime | yes: a restart |
 * | none or up | as the last pass left it | no |
 * | none or up | other version or pid | yes, unless the last glance was the same |
 * | none, and no pass | up | no: the first to compare with |
 *
 * A difference is news once: what a pass can't mend doesn't wake it again.
 */
export function judge(known: Known, glance: Glance, nowMs: number): Judgement {
  const seen = { ...known, last: glance };
  if (!isNews(known, glance)) return { known: seen, wakes: false };
  const rested = nowMs - (known.wokeAt ?? -Infinity) >= restMs;
  const wakes = rested ? 0 : known.wakes;
  // Unseen as yet: the next glance finds the same difference.
  if (nowMs - (known.wokeAt ?? -Infinity) < spaceMs(wakes)) return { known, wakes: false };
  return { known: { ...seen, wakes: wakes + 1, wokeAt: nowMs }, wakes: true };
}

function isNews({ passed, last }: Known, glance: Glance): boolean {
  if (glance === 'down') return false;
  if (last === 'down') return true;
  if (last !== undefined && isRestart(last, glance)) return true;
  const before = [passed, last].filter((one) => one !== undefined);
  return before.length > 0 && before.every((one) => !isSame(one, glance));
}

function isSame(one: Sight, other: Sight): boolean {
  const versions = [one.version, other.version];
  return one.pid === other.pid && (versions.includes(undefined) || versions[0] === versions[1]);
}

function isRestart(before: Sight, now: Sight): boolean {
  return before.pid === now.pid && (now.uptime ?? Infinity) < (before.uptime ?? 0);
}

function spaceMs(wakes: number): number {
  if (wakes < freeWakes) return 0;
  return Math.min(longestSpaceMs, firstSpaceMs * 2 ** Math.min(30, wakes - freeWakes));
}

/** A pass has ended well: what it left is known, whatever was seen before. */
export function afterSuccess({ last, ...known }: Known, passed: Sight): Known {
  return { ...known, passed, ...(last === undefined || last === 'down' ? {} : { last }) };
}

/**
 * A pass has failed. It may have written, so the next glance is compared with nothing: a wake for the
 * loop's own writes would defeat its backoff. Only that HAProxy was away is kept.
 */
export function afterFailure({ last, wakes, wokeAt }: Known, wasAway: boolean): Known {
  const away = wasAway || last === 'down' ? { last: 'down' as const } : {};
  return { wakes, ...(wokeAt === undefined ? {} : { wokeAt }), ...away };
}

/** While HAProxy is down the status is 200 too, with an `error` in place of `info`. */
export function parseSight({ status, version, body }: DataPlaneResponse): Glance {
  const info = isObject(body) && isObject(body['info']) ? body['info'] : {};
  const { pid, uptime } = info;
  if (status !== 200 || typeof pid !== 'number' || pid === 0) return 'down';
  return {
    pid,
    ...(version === undefined ? {} : { version }),
    ...(typeof uptime === 'number' ? { uptime } : {}),
  };
}
