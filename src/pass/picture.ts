import { Immer } from 'immer';

import type { Degraded } from '../actual/normalise/degraded.js';
import type { ActualState } from '../actual/types.js';
import type { DesiredState } from '../desired/types.js';
import type { Plan, ReloadReason, Step } from '../diff/types.js';
import type { Catalog } from '../observe/types.js';
import { keepInSlices } from '../shared/keep.js';
import { runThrough, type Sliced } from '../shared/slices.js';
import type { Times } from './stopwatch.js';

/**
 * What one pass over one target read, wanted, did and left to do. Deeply readonly plain data.
 * Reports, metrics and health are computed from it without further requests. Losing it does no
 * harm: the truth is in Nomad and HAProxy.
 */
export interface Picture {
  readonly target: string;
  readonly catalog: Catalog;
  /** A backend's `origins` say where each value came from. */
  readonly desired: DesiredState;
  /** HAProxy at the end of the pass. */
  readonly actual: ActualState;
  /** The plan at the start of the pass. */
  readonly plan: Plan;
  /** What is left at the end; in a dry run, the whole plan. */
  readonly rest: Plan;
  /** The steps that were applied. */
  readonly steps: readonly Step[];
  readonly reloads: readonly ReloadReason[];
  readonly degraded: readonly Degraded[];
  readonly times: Times;
}

/** What a pass has just written, with HAProxy as it was read back. Another plan may follow. */
export type Written = Pick<Picture, 'target' | 'catalog' | 'desired' | 'actual' | 'steps'>;

/** Not frozen: freezing would walk every new object again, and the types are readonly already. */
const immer = new Immer({ autoFreeze: false });

/**
 * Edits the last picture. Unchanged parts stay the same objects, so anything computed from them can
 * be reused.
 */
export function nextPicture(last: Picture | undefined, next: Picture): Picture {
  return runThrough(nextPictureInSlices(last, next));
}

/** The same, part by part. */
export function* nextPictureInSlices(last: Picture | undefined, next: Picture): Sliced<Picture> {
  if (last === undefined) return next;
  const kept: Record<string, unknown> = {};
  for (const key of Object.keys(next) as (keyof Picture)[]) {
    kept[key] = yield* keepInSlices<unknown>(last[key], next[key]);
  }
  return immer.produce(last, (draft) => {
    Object.assign(draft, kept);
  });
}
