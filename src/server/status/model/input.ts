import type { Settings } from '../../../config/types.js';
import type { Plan, ReloadReason, Step } from '../../../diff/types.js';
import type { Leadership } from '../../../leader/office.js';
import type { Picture } from '../../../pass/picture.js';
import type { Times } from '../../../pass/stopwatch.js';
import type { FailedPass, ReadyState } from './types.js';

/** What the daemon keeps for the status page: references, nothing computed. */
export interface StatusInput {
  readonly version: string;
  readonly startedAt: number;
  readonly ready: ReadyState;
  readonly leader?: Leadership;
  readonly settings: Settings;
  readonly targets: readonly TargetInput[];
}

export interface TargetInput {
  readonly name: string;
  /** Of the last pass that succeeded. */
  readonly picture?: Picture;
  /** Of the last pass, if it failed. */
  readonly failure?: FailedPass;
  /** Newest first. */
  readonly passes: readonly PassRecord[];
}

export type PassRecord = ChangingPass | BrokenPass;

export interface ChangingPass {
  readonly times: Times;
  readonly plan: Plan;
  /** Those that were applied. */
  readonly steps: readonly Step[];
  readonly reloads: readonly ReloadReason[];
}

export interface BrokenPass {
  readonly times: Times;
  readonly failure: FailedPass;
}
