import { createHash } from 'node:crypto';

import { Gauge, type Registry } from 'prom-client';

import type { DesiredState } from '../desired/types.js';
import type { Picture } from '../pass/picture.js';
import { type Failure, nomadSide } from '../pass/run.js';
import { memoOf } from '../shared/memo.js';
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
  const digestOf = memoOf<string>();
  new Gauge({
    name: `${prefix}target_in_sync`,
    help: '1 while the HAProxy serves the hosts and servers that the newest catalog asks for.',
    labelNames: ['haproxy'],
    registers: [registry],
    collect() {
      this.reset();
      const digest = ({ desired }: Picture) => digestOf(desired, () => routingDigest(desired));
      const newest = newestOf([...seen.values()].flatMap(({ picture }) => picture ?? []));
      for (const [haproxy, { state, picture }] of seen) {
        const isSame =
          picture !== undefined && newest !== undefined && digest(picture) === digest(newest);
        this.set({ haproxy }, state === 'in-sync' && isSame ? 1 : 0);
      }
    },
  });
}

/** Of the pass that ended last among those with the newest catalog. */
function newestOf(pictures: readonly Picture[]): Picture | undefined {
  return [...pictures].sort(
    (a, b) => b.catalog.index - a.catalog.index || b.times.endedAt - a.times.endedAt,
  )[0];
}

/**
 * SHA-256 of what is routed: hosts and paths with their backends, and the servers behind them.
 * Markers aren't in it: they hold paths and versions that differ between HAProxies.
 */
export function routingDigest({ backends, routes }: Pick<DesiredState, 'backends' | 'routes'>) {
  const hosts = routes.map(({ match, host, path, mode, backend }) => [
    ...[match, host, path ?? '', mode, backend],
  ]);
  const servers = backends.map(({ name, slotPrefix, endpoints }) => [
    ...[name, slotPrefix],
    endpoints
      .filter(({ phase }) => phase !== 'drain')
      .map(({ address, port, weight }) => [address, port, weight]),
  ]);
  return createHash('sha256')
    .update(JSON.stringify([hosts, servers]))
    .digest('hex');
}
