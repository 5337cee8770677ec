import type { Settings } from '../../../config/types.js';
import type { Judged } from './types.js';

/** `rollout.canary`, where it is none of the discovered ones. Where there is none at all, that is told anyway. */
export function absentCanary(
  { members }: Judged,
  { canary }: Settings['rollout'],
): string | undefined {
  if (members.length === 0 || members.some(({ name }) => name === canary)) return undefined;
  return canary;
}
