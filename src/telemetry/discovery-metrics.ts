import { Gauge, type Registry } from 'prom-client';

import { type Judged, refusalReasons } from '../observe/discover/model/types.js';
import { prefix } from './target-metrics.js';

/** `used`: a target. `missing`: a target that Nomad no longer lists, and nothing tells why. */
const states = ['used', 'missing', ...refusalReasons] as const;

export interface DiscoveryMetrics {
  readonly judged: (judged: Judged) => void;
  readonly failed: () => void;
}

export function createDiscoveryMetrics(registry: Registry): DiscoveryMetrics {
  const discovered = new Gauge({
    name: `${prefix}discovered`,
    help: 'HAProxies and other instances of the service of haproxy.discover, by what became of them.',
    labelNames: ['state'],
    registers: [registry],
  });
  for (const state of states) discovered.set({ state }, 0);
  const failing = new Gauge({
    name: `${prefix}discovery_failing`,
    help: "1 while Nomad's instances of the service of haproxy.discover can't be read.",
    registers: [registry],
  });
  return {
    judged: (judged) => {
      const found = statesOf(judged);
      for (const state of states) {
        discovered.set({ state }, found.filter((one) => one === state).length);
      }
      failing.set(0);
    },
    failed: () => failing.set(1),
  };
}

function statesOf({ members, refused }: Judged): readonly (typeof states)[number][] {
  const ofMembers = members.map(({ missingSince }) =>
    missingSince === undefined ? 'used' : 'missing',
  );
  return [...ofMembers, ...refused.map(({ reason }) => reason)];
}
