import type { Settings } from '../../config/types.js';
import type { Leadership } from '../../leader/office.js';
import type { Picture } from '../../pass/picture.js';
import { type Failure, nomadSide } from '../../pass/run.js';
import type { FailedPass, ReadyState } from './model/types.js';
import type { PassRecord, StatusInput, TargetInput } from './model/input.js';

export interface StatusSourceOptions {
  readonly version: string;
  readonly settings: Settings;
  /** Names of the targets. */
  readonly targets: readonly string[];
  readonly ready: () => ReadyState;
  /** Absent without a lock. */
  readonly leadership?: () => Leadership;
  readonly now?: () => number;
}

export interface StatusSource {
  readonly succeeded: (picture: Picture) => void;
  readonly failed: (failure: Failure) => void;
  readonly joined: (target: string) => void;
  readonly left: (target: string) => void;
  /** Who leads has changed. */
  readonly leads: () => void;
  readonly current: () => StatusInput;
  /** Another one after each change of what is shown. Unlike that of any earlier process. */
  readonly version: () => string;
  /** Calls back after each pass and change of the leader until the function that it gives is called. */
  readonly watch: (onPass: () => void) => () => void;
}

/** Passes that changed something or failed, by target. */
const maxPasses = 8;

/** Keeps references to what passes left, and computes nothing: mostly, nobody looks. */
export function createStatusSource(options: StatusSourceOptions): StatusSource {
  const { version, settings, leadership, now = Date.now } = options;
  const startedAt = now();
  const targets = new Map<string, TargetInput>(
    options.targets.map((name) => [name, { name, passes: [] }]),
  );
  const watchers = new Set<() => void>();
  let changes = 0;

  function update(name: string, next: Partial<TargetInput>, isNews: boolean): void {
    const { failure: _, ...before } = targets.get(name) ?? { name, passes: [] };
    targets.set(name, { ...before, ...next });
    if (isNews) changes++;
  }

  function tell(): void {
    for (const watcher of watchers) watcher();
  }

  return {
    succeeded: (picture) => {
      const { target, times, plan, steps, reloads } = picture;
      const last = targets.get(target);
      const { passes = [] } = last ?? {};
      const isNews = last?.failure !== undefined || isChanged(last?.picture, picture);
      const record = { times, plan, steps, reloads };
      const records = steps.length > 0 ? latest(record, passes) : passes;
      update(target, { picture, passes: records }, isNews || steps.length > 0);
      tell();
    },
    failed: ({ side, error, times }) => {
      const failure: FailedPass = { at: times.endedAt, code: error.code, reason: error.message };
      for (const name of side === nomadSide ? [...targets.keys()] : [side]) {
        const passes = latest({ times, failure }, targets.get(name)?.passes ?? []);
        update(name, { failure, passes }, true);
      }
      tell();
    },
    joined: (target) => {
      update(target, { passes: [] }, true);
      tell();
    },
    left: (target) => {
      targets.delete(target);
      changes++;
      tell();
    },
    leads: () => {
      changes++;
      tell();
    },
    current: () => ({
      ...{ version, startedAt, settings },
      ready: options.ready(),
      ...(leadership === undefined ? {} : { leader: leadership() }),
      targets: [...targets.values()],
    }),
    version: () => `${startedAt}-${changes}`,
    watch: (onPass) => {
      watchers.add(onPass);
      return () => watchers.delete(onPass);
    },
  };
}

/** What did not change is the same object as in the last picture. */
function isChanged(before: Picture | undefined, after: Picture): boolean {
  return (
    before === undefined ||
    before.desired !== after.desired ||
    before.actual !== after.actual ||
    before.rest !== after.rest ||
    before.catalog.services !== after.catalog.services ||
    before.catalog.warnings !== after.catalog.warnings ||
    before.degraded !== after.degraded
  );
}

/** A failure that is retried again and again counts once. */
function latest(record: PassRecord, before: readonly PassRecord[]): readonly PassRecord[] {
  const [last, ...older] = before;
  const isRepeated =
    last !== undefined &&
    'failure' in last &&
    'failure' in record &&
    last.failure.code === record.failure.code &&
    last.failure.reason === record.failure.reason;
  return [record, ...(isRepeated ? older : before)].slice(0, maxPasses);
}
