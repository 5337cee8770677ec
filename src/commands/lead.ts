import type { Settings } from '../config/types.js';
import { type Change, createElector, type Elector } from '../leader/elector.js';
import { createVariableLock } from '../leader/lock.js';
import { createNomadClient } from '../observe/nomad/client.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';

export interface Lead {
  readonly elector: Elector;
  /** Takes the lock for a single pass, and renews it until `close`. Throws `not-leader`. */
  readonly acquire: (signal: AbortSignal) => Promise<void>;
  /** Releases the lock. */
  readonly close: () => Promise<void>;
}

interface LeadOptions {
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'leads' | 'request'>;
  readonly onToken: (token: string) => void;
  /** This process may write from now on. */
  readonly onLeader?: () => void;
  /** Who leads has changed, or what is known of it. */
  readonly onChange?: () => void;
}

/** Undefined: there is no lock. Its requests have connections of their own, so nothing delays them. */
export function leadBy(settings: Settings, options: LeadOptions): Lead | undefined {
  const { leader, nomad, limits } = settings;
  if (leader === undefined) return undefined;
  const { logger, metrics, onToken, onLeader, onChange } = options;
  const onResponse = metrics && { onResponse: metrics.request.bind(undefined, 'nomad') };
  const client = createNomadClient({ settings: nomad, limits, onToken, ...onResponse });
  const elector = createElector({
    lock: createVariableLock(client, leader, nomad),
    ttlMs: leader.ttlMs,
    onChange: (change) => {
      tell(logger, leader.path, change);
      if (change.kind === 'failed') return;
      metrics?.leads(change.kind === 'leader' ? change.term : undefined);
      if (change.kind === 'leader') onLeader?.();
      onChange?.();
    },
  });
  metrics?.leads(undefined);
  return {
    elector,
    acquire: async (signal) => {
      await elector.acquire(signal);
      void elector.run(signal);
    },
    close: async () => {
      await elector.close();
      client.close();
    },
  };
}

function tell(logger: Logger, lock: string, change: Change): void {
  switch (change.kind) {
    case 'leader':
      return void logger.info('leads: this process writes', { lock, term: change.term });
    case 'standby':
      return void logger.info('stands by: another holds the lock', { lock, holder: change.holder });
    case 'released':
      return void logger.info('released the lock', { lock, term: change.term });
    case 'expired':
      return void logger.warn('stopped writing: Nomad has not renewed the lock in time', {
        ...{ lock, term: change.term },
      });
    case 'lost':
      return void logger.warn('stopped writing: the lock is lost', { lock, term: change.term });
    case 'failed':
      return void logger.warn('no answer about the lock', { lock, error: change.error });
  }
}
