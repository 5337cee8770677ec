/** `haproxy.discover`: the HAProxies that Nomad knows, for a single run and for the daemon. */

import type { DiscoverSettings, Settings, TargetSettings } from '../config/types.js';
import { discoverOnce, startDiscovery, targetOf } from '../observe/discover/discover.js';
import { absentCanary } from '../observe/discover/model/canary.js';
import { nameRule, nameTag } from '../observe/discover/model/names.js';
import type { Judged } from '../observe/discover/model/types.js';
import { createNomadClient, type NomadClient } from '../observe/nomad/client.js';
import { ConnectorError } from '../shared/errors.js';
import type { DiscoveryMetrics } from '../telemetry/discovery-metrics.js';
import type { Logger } from '../telemetry/logger.js';
import { createWarnOnce, type Standing } from '../telemetry/warn-once.js';
import type { Built } from './types.js';

export interface Found {
  readonly settings: Settings;
  /** Absent where the settings name the targets. */
  readonly judged?: Judged;
}

/** With the targets that Nomad knows at this moment. They may be none. Throws where it can't be read. */
export async function lookForTargets(
  { settings, onToken }: Pick<Built, 'settings' | 'onToken'>,
  signal: AbortSignal,
): Promise<Found> {
  const { discover, nomad, limits, guard } = settings;
  if (discover === undefined) return { settings };
  const client = createNomadClient({ settings: nomad, limits, onToken });
  try {
    const options = { client, discover, holdMs: guard.tracelessHoldMs };
    const judged = await discoverOnce(options, signal);
    const targets = judged.members.map((member) => targetOf(discover, member));
    return { settings: { ...settings, targets }, judged };
  } finally {
    client.close();
  }
}

/** For a command over the targets: throws where there are none, and warns of what isn't used. */
export async function withTargets(
  { settings, onToken, logger }: Pick<Built, 'settings' | 'onToken' | 'logger'>,
  signal: AbortSignal,
): Promise<Settings> {
  const found = await lookForTargets({ settings, onToken }, signal);
  const { discover } = settings;
  if (discover === undefined || found.judged === undefined) return settings;
  createWarnOnce(warnBy(logger)).update(warningsOf(found.judged, settings));
  if (found.settings.targets.length > 0) return found.settings;
  throw new ConnectorError('haproxy-unreachable', noneFound(discover));
}

export function noneFound({ service, namespace, job }: DiscoverSettings): string {
  return `haproxy.discover: no running allocation of job ${job} in namespace ${namespace} is registered as service ${service}`;
}

export interface DiscoveringOptions {
  readonly discover: DiscoverSettings;
  readonly settings: Pick<Settings, 'guard' | 'rollout' | 'sync'>;
  readonly nomad: NomadClient;
  readonly logger: Logger;
  readonly metrics: DiscoveryMetrics;
  readonly onTargets: (targets: readonly TargetSettings[]) => void;
  readonly signal: AbortSignal;
}

export interface Discovering {
  /** Why there is no target. */
  readonly lacksTargets: () => string;
  /** Begins, and resolves after the abort. */
  readonly run: () => Promise<void>;
}

/** Follows Nomad until the signal. In an outage, the last targets stay. */
export function discoverTargets(options: DiscoveringOptions): Discovering {
  const { discover, settings, nomad, logger, metrics, onTargets, signal } = options;
  const warnings = createWarnOnce(warnBy(logger));
  const failures = createWarnOnce<string>((error) =>
    logger.warn("HAProxies can't be discovered; the last ones stay", { error }),
  );
  let lack = 'no HAProxy was discovered yet';

  function judged(now: Judged): void {
    failures.update([]);
    warnings.update(warningsOf(now, settings));
    metrics.judged(now);
    lack = noneFound(discover);
    onTargets(now.members.map((member) => targetOf(discover, member)));
  }

  return {
    lacksTargets: () => lack,
    run: () =>
      startDiscovery({
        ...{ client: nomad, discover, signal },
        holdMs: settings.guard.tracelessHoldMs,
        intervalMs: settings.sync.resyncIntervalMs,
        onJudged: judged,
        onFailed: ({ message }) => {
          lack = `no HAProxy was discovered yet: ${message}`;
          metrics.failed();
          failures.update([{ key: message, value: message }]);
        },
      }).done,
  };
}

interface Warning {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function warnBy(logger: Pick<Logger, 'warn'>) {
  return ({ message, fields }: Warning): void => void logger.warn(message, fields);
}

const noSuchCanary = 'rollout.canary is none of the discovered HAProxies; the first by name is';

function warningsOf(
  judged: Judged,
  { rollout }: Pick<Settings, 'rollout'>,
): readonly Standing<Warning>[] {
  const { refused, badNames, members } = judged;
  const missing = members.filter(({ missingSince }) => missingSince !== undefined);
  const canary = absentCanary(judged, rollout);
  const all: readonly Warning[] = [
    ...refused.map((fields) => ({
      message: 'instance is not used as HAProxy',
      fields: { ...fields },
    })),
    ...badNames.map((tag) => ({
      message: 'tag has no usable name',
      fields: { tag, detail: `${nameTag} takes ${nameRule}` },
    })),
    ...missing.map(({ name, address }) => ({
      message: 'HAProxy is no longer in Nomad; kept, because nothing tells why',
      fields: { target: name, address },
    })),
    ...(canary === undefined ? [] : [{ message: noSuchCanary, fields: { canary } }]),
  ];
  return all.map((value) => ({ key: JSON.stringify(value), value }));
}
