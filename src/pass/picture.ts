import { Immer } from 'immer';

import type { Degraded } from '../actual/normalise/degraded.js';
import type { ActualState } from '../actual/types.js';
import type { DesiredState } from '../desired/types.js';
import type { Plan, ReloadReason, Step } from '../diff/types.js';
import type { Catalog } from '../observe/types.js';
import { keep } from '../shared/keep.js';
import type { Times } from './stopwatch.js';

/**
 * What one pass saw, meant, did and left, for one target. Deeply readonly plain data: reports,
 * metrics, health and whatever explains HAProxy's state are functions of it, and ask no server again.
 * A picture is a hint that may be lost; the truth is in Nomad and HAProxy.
 */
export interface Picture {
  readonly target: string;
  readonly catalog: Catalog;
  /** Where each value of a backend came from stands in its `origins`. */
  readonly desired: DesiredState;
  /** HAProxy at the end of the pass. */
  readonly actual: ActualState;
  /** What was to be done when the pass began. */
  readonly plan: Plan;
  /** What is left to do at its end; in a dry run the same. */
  readonly rest: Plan;
  /** What was done. */
  readonly steps: readonly Step[];
  readonly reloads: readonly ReloadReason[];
  readonly degraded: readonly Degraded[];
  readonly times: Times;
}

/** Without freezing, which would walk through every new object once more: the types hold it readonly. */
const immer = new Immer({ autoFreeze: false });

/**
 * The last picture, edited: everything in it that did not change is the same object, so what is
 * computed from it need not be computed again.
 */
export function nextPicture(last: Picture | undefined, next: Picture): Picture {
  if (last === undefined) return next;
  return immer.produce(last, (draft) => {
    Object.assign(draft, keepFields(last, next));
  });
}

function keepFields(last: Picture, next: Picture): Partial<Picture> {
  const keys = Object.keys(next) as (keyof Picture)[];
  return Object.fromEntries(keys.map((key) => [key, keep<unknown>(last[key], next[key])]));
}
