/** HAProxies whose passes take time, on a clock of their own: no waiting, no chance. */

import { createRollout, type Rollout } from '../../src/rollout/rollout.js';
import type { Verdict } from '../../src/rollout/types.js';

/**
 * | kind | what its passes come to |
 * |---|---|
 * | fine | all that it commits runs |
 * | refusing | it refuses the services that are bad, and runs the others |
 * | down | they fail |
 * | hung | they end never |
 * | stalled | the first commit ends never |
 * | blind | they succeed, and nothing of what is new runs |
 */
export type Kind = 'fine' | 'refusing' | 'down' | 'hung' | 'stalled' | 'blind';

export interface Haproxy {
  readonly name: string;
  readonly kind: Kind;
  readonly version?: string;
  /** Of a pass, and of a commit. */
  readonly ms?: number;
  /** It is added so late. */
  readonly joinsAt?: number;
  /** It is taken off the list then, whatever it does. */
  readonly leavesAt?: number;
}

export interface Given {
  readonly haproxies: readonly Haproxy[];
  readonly services: readonly string[];
  /** Those that `refusing` HAProxies refuse. */
  readonly bad?: readonly string[];
  /** What runs everywhere, except for who joins later. */
  readonly before?: readonly string[];
  readonly canary?: string;
  readonly maxParallel?: number;
  readonly settleMs?: number;
}

export interface Commit {
  readonly name: string;
  readonly services: readonly string[];
  readonly from: number;
  readonly to: number;
}

export const patienceMs = 10_000;

export function simulate(given: Given, untilMs: number) {
  const { haproxies, services, bad = [], before = [], settleMs = 1000, maxParallel = 1 } = given;
  let now = 0;
  const due: { readonly at: number; readonly run: () => unknown }[] = [];
  const commits: Commit[] = [];
  const later = (ms: number, run: () => unknown): void => {
    due.push({ at: now + Math.max(0, ms), run });
  };
  const isListed = ({ joinsAt = 0, leavesAt = Infinity }: Haproxy): boolean =>
    now >= joinsAt && now < leavesAt;
  const loops = new Map(haproxies.map((one) => [one.name, loopOf(one)]));
  const rollout: Rollout = createRollout({
    targets: () => haproxies.filter(isListed).map(({ name }) => name),
    ...(given.canary === undefined ? {} : { canary: given.canary }),
    ...{ settleMs, maxParallel, patienceMs },
    now: () => now,
    later: (ms, run) => {
      let isOn = true;
      later(ms, () => isOn && run());
      return () => (isOn = false);
    },
    onTurn: (name) => loops.get(name)?.wake(),
  });

  function loopOf(one: Haproxy) {
    const { name, kind, version = '3.0', ms = 100, joinsAt = 0 } = one;
    const runs = new Set(joinsAt > 0 ? [] : before);
    const refused = new Set<string>();
    let isBusy = false;
    let isWoken = false;

    function wake(): void {
      if (isBusy) isWoken = true;
      else if (isListed(one)) later(0, pass);
    }

    function pass(): void {
      if (isBusy || !isListed(one)) return;
      isBusy = true;
      if (kind !== 'hung') later(ms, kind === 'down' ? fail : read);
    }

    function fail(): void {
      rollout.failed(name);
      end(1000);
    }

    function end(againMs: number): void {
      isBusy = false;
      if (isWoken) wake();
      else if (againMs < Infinity) later(againMs, pass);
      isWoken = false;
    }

    function left(): readonly string[] {
      const elsewhere = rollout.refusedFor(name, version);
      return services.filter(
        (service) => !runs.has(service) && !refused.has(service) && !(service in elsewhere),
      );
    }

    function wanted(wants: readonly string[]) {
      const all = Object.fromEntries([...runs, ...wants].map((service) => [service, 'f']));
      return { version, services: all, removes: [], isRest: false };
    }

    function read(): void {
      const wants = left();
      if (wants.length === 0 || kind === 'blind') return show(false, Infinity);
      const turn = rollout.ask(name, wanted(wants));
      if (turn.kind === 'go') return commit(wants, Infinity);
      if (turn.kind === 'wait') return show(false, turn.afterMs);
      const some = wants.filter((service) => !turn.services.includes(service));
      if (some.length === 0) return show(false, turn.afterMs);
      const part = rollout.ask(name, wanted(some), true);
      if (part.kind === 'go') commit(some, turn.afterMs);
      else show(false, Math.min(turn.afterMs, part.afterMs));
    }

    function commit(some: readonly string[], againMs: number): void {
      const commit = {
        name,
        services: some,
        from: now,
        to: kind === 'stalled' ? Infinity : now + ms,
      };
      commits.push(commit);
      if (kind === 'stalled') return;
      later(ms, () => {
        for (const service of some) {
          if (kind === 'refusing' && bad.includes(service)) refused.add(service);
          else runs.add(service);
        }
        rollout.leave(name);
        show(true, againMs);
      });
    }

    function show(reloaded: boolean, againMs: number): void {
      const reason = 'no';
      const verdict: Verdict = {
        ...{ version, reloaded, backends: {}, isDone: left().length === 0 },
        inForce: Object.fromEntries([...runs].map((service) => [service, 'f'])),
        refused: Object.fromEntries([...refused].map((one) => [one, { fingerprint: 'f', reason }])),
      };
      rollout.passed(name, verdict);
      end(againMs);
    }

    return { wake, left, runs, refused };
  }

  for (const one of haproxies) {
    later(one.joinsAt ?? 0, () => loops.get(one.name)?.wake());
    if (one.leavesAt !== undefined) later(one.leavesAt, () => rollout.forget(one.name));
  }
  for (;;) {
    const next = due.sort((a, b) => a.at - b.at).shift();
    if (next === undefined || next.at > untilMs) break;
    now = next.at;
    next.run();
  }
  return {
    commits,
    left: (name: string) => loops.get(name)?.left() ?? [],
    runs: (name: string) => [...(loops.get(name)?.runs ?? [])].sort(),
    status: rollout.status(),
  };
}
