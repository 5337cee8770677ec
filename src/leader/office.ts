/** What a leader holds: the right to write, as long as it renews its lock. */
export interface Office {
  /** The lock's ModifyIndex when it was taken: it grows with each leader. */
  readonly term: number;
  /** Asked before each write. False from the moment that the lock might be another's. */
  readonly mayWrite: () => boolean;
  /** Renews the lock now. False: it isn't ours any longer, or Nomad doesn't say. */
  readonly confirm: () => Promise<boolean>;
}
