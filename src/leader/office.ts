/** What a leader holds: the right to write, as long as it renews its lock. */
export interface Office {
  /** The lock's ModifyIndex when it was taken: it grows with each leader. */
  readonly term: number;
  /** Asked before each write. False from the moment that the lock might be another's. */
  readonly mayWrite: () => boolean;
  /** Renews the lock now. False: it isn't ours any longer, or Nomad doesn't say. */
  readonly confirm: () => Promise<boolean>;
}

/** Who writes, as far as this process knows. */
export interface Leadership {
  /** Path of the variable. */
  readonly lock: string;
  /** This process may write now. */
  readonly leads: boolean;
  /** Who took the lock last, `host/pid`. Absent: not known yet, or nobody ever did. */
  readonly holder?: string;
  /** Its term. */
  readonly term?: number;
}
