import type { TargetSettings } from '../config/types.js';
import type { Fleet } from './fleet.js';

/** What keeps something for each target. */
export interface Follower {
  readonly joined?: (target: string) => void;
  readonly left: (target: string) => void;
}

export interface MembershipOptions {
  /** Holds the targets that there are now. */
  readonly assembly: {
    readonly targets: () => readonly TargetSettings[];
    readonly joined: (target: TargetSettings) => void;
    readonly left: (target: string) => void;
  };
  readonly fleet: Pick<Fleet, 'joined' | 'left'>;
  readonly followers: readonly Follower[];
  readonly log: { info(message: string, fields: Record<string, unknown>): unknown };
}

/** Lets targets come and go while the others run on. */
export interface Membership {
  readonly update: (targets: readonly TargetSettings[]) => void;
}

export interface Moves {
  readonly left: readonly TargetSettings[];
  readonly joined: readonly TargetSettings[];
}

export function createMembership({
  assembly,
  fleet,
  followers,
  log,
}: MembershipOptions): Membership {
  /** Loops that have not ended yet, by address: two must not write to the same HAProxy. */
  const ending = new Map<string, Promise<void>>();

  function leave({ name, address }: TargetSettings): void {
    const ended = Promise.all([ending.get(address), fleet.left(name)]).then(() => undefined);
    ending.set(address, ended);
    void ended.then(() => {
      if (ending.get(address) === ended) ending.delete(address);
    });
    // First: who waits for it looks at those that there are now.
    assembly.left(name);
    for (const follower of followers) follower.left(name);
    log.info('HAProxy has left', { target: name, address });
  }

  function join(target: TargetSettings): void {
    const { name, address, allocation } = target;
    assembly.joined(target);
    for (const follower of followers) follower.joined?.(name);
    log.info('HAProxy has joined', { target: name, address, allocation });
    fleet.joined(name, ending.get(address));
  }

  return {
    update: (targets) => {
      const { left, joined } = movesOf(assembly.targets(), targets);
      left.forEach(leave);
      joined.forEach(join);
    },
  };
}

/** One with the name of another allocation, or at another address, is another HAProxy. */
export function movesOf(before: readonly TargetSettings[], now: readonly TargetSettings[]): Moves {
  const isIn = (all: readonly TargetSettings[], one: TargetSettings): boolean =>
    all.some(
      ({ name, address, allocation }) =>
        name === one.name && address === one.address && allocation === one.allocation,
    );
  return {
    left: before.filter((one) => !isIn(now, one)),
    joined: now.filter((one) => !isIn(before, one)),
  };
}
