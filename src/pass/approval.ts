import type { ActualState } from '../actual/types.js';
import type { Plan } from '../diff/types.js';

/** A plan that was approved before the pass: the pass may write nothing else. */
export interface Approval {
  /** Throws unless what was read gives the same plan again. */
  readonly requireSame: (planned: {
    readonly target: string;
    readonly plan: Plan;
    readonly actual: Pick<ActualState, 'raw'>;
  }) => void;
  /** Throws if one of the pass's later plans would do more. */
  readonly requireWithin: (plan: Plan) => void;
}
