import { oneLine } from '../shared/text.js';
import type { Skipped } from './types.js';

/** A defect of ours, which one service's input brings out. */
export function planFailed(service: string, error: unknown): Skipped {
  const why = error instanceof Error ? error.message : String(error);
  const reason = oneLine(`service ${service} can't be planned: ${why}`);
  return { service, code: 'plan-failed', reason };
}
