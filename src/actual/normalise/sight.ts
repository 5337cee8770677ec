import { isObject } from '../../shared/json.js';
import type { DataPlaneResponse } from '../dataplane-client.js';

/** What one `GET /runtime/info` says about HAProxy. */
export interface Sight {
  /** `Configuration-Version` of the answer. Without it, a watch only detects restarts. */
  readonly version?: number;
  readonly pid: number;
  /** Seconds. Needed because a restarted worker in a container often has the same pid. */
  readonly uptime?: number;
}

/** `down`: the Data Plane API or HAProxy doesn't answer. */
export type Glance = Sight | 'down';

/** What a watch knows about one HAProxy. */
export interface Known {
  /** State at the end of the last pass. Absent after a failed pass, which may have written. */
  readonly passed?: Sight;
  /** The last poll. */
  readonly last?: Glance;
  /** Wakes without a quiet minute between them. */
  readonly wakes: number;
  readonly wokeAt?: number;
}

export interface Judgement {
  readonly known: Known;
  readonly wakes: boolean;
}

export const nothingKnown: Known = { wakes: 0 };

/** Wakes before they are spaced out, because two writers may be undoing each other's changes. */
const freeWakes = 5;
const firstSpaceMs = 2000;
const longestSpaceMs = 30_000;
const restMs = 60_000;

/**
 * | last poll | this poll | wake |
 * |---|---|---|
 * | any | down | no: the pass would fail |
 * | down | up | yes: HAProxy may have restarted, and a delayed reload may be lost |
 * | up | same pid, less uptime | yes: a restart |
 * | none or up | as the last pass left it | no |
 * | none or up | other version or pid | yes, unless the last poll was the same |
 * | none, and no pass | up | no: nothing to compare with yet |
 *
 * Each difference wakes once. If the pass can't fix it, there is no second wake.
 */
export function judge(known: Known, glance: Glance, nowMs: number): Judgement {
  const seen = { ...known, last: glance };
  if (!isNews(known, glance)) return { known: seen, wakes: false };
  const rested = nowMs - (known.wokeAt ?? -Infinity) >= restMs;
  const wakes = rested ? 0 : known.wakes;
  // Not recorded, so the next poll finds the same difference.
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

/** After a successful pass, its result is the state to compare with. */
export function afterSuccess({ last, ...known }: Known, passed: Sight): Known {
  return { ...known, passed, ...(last === undefined || last === 'down' ? {} : { last }) };
}

/**
 * A failed pass may have written, so the next poll is not compared with anything: a wake for the
 * loop's own writes would defeat its backoff. Only the fact that HAProxy was away is kept.
 */
export function afterFailure({ last, wakes, wokeAt }: Known, wasAway: boolean): Known {
  const away = wasAway || last === 'down' ? { last: 'down' as const } : {};
  return { wakes, ...(wokeAt === undefined ? {} : { wokeAt }), ...away };
}

/** While HAProxy is down, the status is still 200, with `error` instead of `info`. */
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
