/** What a pass is made for. */
export interface Occasion {
  /** Nomad told of a change: servers that have to go are drained before HAProxy is read. */
  readonly nomadChanged: boolean;
  /**
   * Unix milliseconds. The first pass after a quiet time reads Nomad before the rest of the same
   * change is there, so what needs a reload waits until then for another pass.
   */
  readonly gatherUntil?: number;
}

/** A timer, a retry, a single run. */
export const routine: Occasion = { nomadChanged: false };
