import { Gauge, type Registry } from 'prom-client';

import { upToDate } from '../pass/alike.js';
import type { Picture } from '../pass/picture.js';
import { type Failure, nomadSide } from '../pass/run.js';
import { prefix } from './target-metrics.js';

/**
 * `in-sync`: its last pass left nothing to do. `behind`: it left something. `failed`: its last pass
 * failed, or Nomad can't be read. `unknown`: there was none yet.
 */
const states = ['in-sync', 'behind', 'failed', 'unknown'] as const;

type State = (typeof states)[number];

export interface FleetMetrics {
  readonly succeeded: (picture: Picture) => void;
  readonly failed: (failure: Pick<Failure, 'side'>) => void;
  readonly joined: (target: string) => void;
  readonly left: (target: string) => void;
}

interface Seen {
  readonly state: State;
  readonly picture?: Picture;
}

/** Registers nothing where there is one HAProxy and always will be. Computed at each scrape: mostly, nobody looks. */
export function createFleetMetrics(registry: Registry, targets: readonly string[]): FleetMetrics {
  const seen = new Map<string, Seen>(targets.map((name) => [name, { state: 'unknown' }]));
  if (targets.length !== 1) registerFleet(registry, seen);
  return {
    succeeded: (picture) => seen.set(picture.target, { state: stateOf(picture), picture }),
    failed: ({ side }) => {
      for (const name of side === nomadSide ? [...seen.keys()] : [side]) {
        seen.set(name, { ...seen.get(name), state: 'failed' });
      }
    },
    joined: (target) => seen.set(target, { state: 'unknown' }),
    left: (target) => seen.delete(target),
  };
}

function stateOf({ rest }: Picture): State {
  const isDone = rest.steps.length === 0 && rest.problems.length === 0;
  return isDone ? 'in-sync' : 'behind';
}

function registerFleet(registry: Registry, seen: ReadonlyMap<string, Seen>): void {
  new Gauge({
    name: `${prefix}targets`,
    help: 'Number of HAProxies by the state that their last pass left them in.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const now = [...seen.values()];
      for (const state of states) {
        this.set({ state }, now.filter((one) => one.state === state).length);
      }
    },
  });
  new Gauge({
    name: `${prefix}target_in_sync`,
    help: '1 while the HAProxy serves the hosts and servers that the newest catalog asks for.',
    labelNames: ['haproxy'],
    registers: [registry],
    collect() {
      this.reset();
      const current = upToDate([...seen.values()].flatMap(({ picture }) => picture ?? []));
      for (const [haproxy, { state }] of seen) {
        this.set({ haproxy }, state === 'in-sync' && current.includes(haproxy) ? 1 : 0);
      }
    },
  });
}
