import type { PassContext } from './context.js';

/**
 * How long the next reload has to wait, in milliseconds; undefined if it needn't. After a reload, the
 * next changes come together. After the first wake, too: Nomad may not have told all of one change.
 */
export function msUntilReload({
  target,
  settings,
  occasion,
  now,
}: Pick<PassContext, 'target' | 'settings' | 'occasion' | 'now'>): number | undefined {
  const { reloadedAt } = target.memory;
  const { gatherUntil } = occasion;
  const since = reloadedAt === undefined ? Infinity : now() - reloadedAt;
  // A clock that was set back must not lengthen the wait.
  const left = since < 0 ? 0 : settings.limits.reloadIntervalMs - since;
  if (gatherUntil === undefined) return left > 0 ? left : undefined;
  const most = Math.min(settings.sync.debounceMs, gatherUntil - now());
  return Math.max(0, most, left);
}
