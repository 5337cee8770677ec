import { Gauge, type Registry } from 'prom-client';

import type { RolloutStatus, TargetStatus } from '../rollout/rollout.js';
import { prefix } from './target-metrics.js';

/** Who is the canary, and what waits for it. Computed at each scrape: targets come and go. */
export function registerRollout(registry: Registry, status: () => RolloutStatus): void {
  const gauge = (name: string, help: string, valueOf: (one: TargetStatus) => number): void => {
    new Gauge({
      name: prefix + name,
      help,
      labelNames: ['haproxy'],
      registers: [registry],
      collect() {
        this.reset();
        for (const one of status().targets) this.set({ haproxy: one.name }, valueOf(one));
      },
    });
  };
  gauge('rollout_canary', '1 for the HAProxy that gets changes that need a reload first.', (one) =>
    one.name === status().canary ? 1 : 0,
  );
  gauge(
    'rollout_waiting_services',
    'Services that wait until another HAProxy has shown that it runs them.',
    ({ services }) => services,
  );
  gauge(
    'rollout_waiting_seconds',
    'How long changes have been waiting for other HAProxies; 0 if none do.',
    ({ waitedMs = 0 }) => waitedMs / 1000,
  );
}
