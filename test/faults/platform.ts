/** Nomad, as its operator uses it, and as it goes wrong. */

import type { Stack } from '../../fixtures/stack.js';

/** The service that the scenario changes. */
export interface Late {
  readonly count: number;
  readonly tags: readonly string[];
}

export interface Platform {
  readonly stack: Stack;
  /** What the instances of `web` answer, which no phase changes. */
  readonly web: readonly string[];
  /** And what those of `late` answer, once Nomad and the connector have done what was asked last. */
  readonly late: readonly string[];
  /** Runs the service as given, or removes it with its job. Resolves when Nomad has taken it. */
  set(late: Late | undefined): Promise<void>;
  /** Nomad's index moves, and no service changes: a pass. */
  nudge(): Promise<void>;
  /** Waits until nothing is under way in Nomad itself. */
  waitRest(): Promise<void>;
  /** How long a phase may take until the request of a step, in milliseconds. */
  readonly patienceMs: number;

  /** What runs goes on, with nobody to ask about it. */
  kill(): Promise<void>;
  /** After `kill`. Waits until Nomad works again; does nothing where it does. */
  recover(): Promise<void>;
  /** No answer for so long. */
  stall(ms: number): void;
  /** Waits until it answers again, if only that it has no leader. */
  restart(): Promise<void>;
}
