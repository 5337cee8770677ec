export interface DebounceSettings {
  readonly debounceMs: number;
  readonly debounceMaxMs: number;
}

/** Gathers wakes. All times are milliseconds of a monotonic clock. */
export interface Debounce {
  /**
   * How long the pass for this wake has to wait; it replaces what an earlier one was told. `isFirst`:
   * nothing came before it for the debounce.
   */
  readonly wake: () => { readonly waitMs: number; readonly isFirst: boolean };
  /** The wait is over. */
  readonly fired: () => void;
}

/**
 * | wake | goes |
 * |---|---|
 * | the first after a quiet debounce | at once |
 * | one that follows within the debounce | together with those that follow it in turn |
 * | one of many that never cease | after the maximum, counted from the first that waits |
 */
export function createDebounce(
  { debounceMs, debounceMaxMs }: DebounceSettings,
  now: () => number = () => performance.now(),
): Debounce {
  let lastWake = -Infinity;
  let firstWaiting: number | undefined;
  return {
    wake: () => {
      const at = now();
      const isFirst = firstWaiting === undefined && at - lastWake >= debounceMs;
      lastWake = at;
      if (isFirst) return { waitMs: 0, isFirst };
      firstWaiting ??= at;
      return {
        waitMs: Math.max(0, Math.min(debounceMs, firstWaiting + debounceMaxMs - at)),
        isFirst,
      };
    },
    fired: () => (firstWaiting = undefined),
  };
}
