import type { Settings } from '../config/types.js';
import { createRollout, type Rollout, type RolloutOptions } from './rollout.js';

/** A commit of thousands of backends takes a second, a search for a refused one ten of them. */
const leastPatienceMs = 15_000;

/** The gate as the settings say. `targets`: their names, as they are at each moment. */
export function rolloutFrom(
  { limits, rollout }: Pick<Settings, 'limits' | 'rollout'>,
  options: Pick<RolloutOptions, 'targets' | 'onTurn'>,
): Rollout {
  // A canary may itself have to wait for its next reload.
  return createRollout({
    ...rollout,
    ...options,
    patienceMs: leastPatienceMs + limits.reloadIntervalMs,
  });
}
