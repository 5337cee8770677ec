import { Registry } from 'prom-client';

import { assemble } from '../assembly.js';
import type { ExitCode } from '../cli/exit-codes.js';
import { productVersion } from '../version.js';
import { policySource } from '../config/policy-source.js';
import { redactSettings } from '../config/redact.js';
import type { Settings } from '../config/types.js';
import { examineAtStart } from '../doctor/at-start.js';
import { createFleet } from '../loop/fleet.js';
import { createMembership } from '../loop/membership.js';
import { createHealth } from '../loop/health.js';
import { startHaproxyWatches } from '../loop/haproxy-watches.js';
import { startProbes } from '../loop/probes.js';
import { startWakeSources } from '../observe/wake/wake.js';
import { rolloutFrom } from '../rollout/settings.js';
import { watchRoutes } from '../routes/folder.js';
import { keepHeapSmall } from '../shared/heap.js';
import { type HttpServerOptions, startHttpServer } from '../server/http.js';
import { createStatusPages } from '../server/status/pages.js';
import { createStatusSource } from '../server/status/source.js';
import { createDiscoveryMetrics } from '../telemetry/discovery-metrics.js';
import { createFleetMetrics } from '../telemetry/fleet-metrics.js';
import { createMetrics } from '../telemetry/metrics.js';
import { createReporter } from '../telemetry/report.js';
import { registerRollout } from '../telemetry/rollout-metrics.js';
import { createServerInfo, withServerInfo } from '../telemetry/server-info.js';
import { tlsReporter } from '../telemetry/tls.js';
import { discoverTargets } from './discovered.js';
import { leadBy } from './lead.js';
import type { Around, Built } from './types.js';

/** Keeps HAProxy in sync with Nomad until the signal. */
export async function runDaemon(
  { settings, logger, onToken, redact }: Built,
  { signal }: Around,
): Promise<ExitCode> {
  keepHeapSmall();
  const registry = new Registry();
  const names = settings.targets.map(({ name }) => name);
  const metrics = createMetrics(registry, productVersion(), names);
  const reporter = createReporter(logger, metrics, names);
  const fleetMetrics = createFleetMetrics(registry, names);
  const routes = watchRoutes(settings.routes.directory, {
    onChange: () => fleet.wake('route-file'),
    logger,
  });
  const policy = policySource(settings, {
    onChange: () => fleet.wake('policy-file'),
    onInvalid: (reason) => logger.warn('policy file is invalid', { reason }),
  });
  const probes = startProbes({
    settings,
    onWake: () => fleet.wake('probe'),
    onResult: metrics.probe,
    onOpened: metrics.opened,
    signal,
    log: logger,
  });
  const lead = leadBy(settings, {
    ...{ logger, metrics, onToken },
    onLeader: () => fleet.wake('leader'),
    onChange: () => status.leads(),
  });
  const rollout = rolloutFrom(settings, {
    targets: () => assembly.targets().map(({ name }) => name),
    onTurn: (target) => fleet.wake('rollout', target),
  });
  if (settings.targets.length !== 1) registerRollout(registry, rollout.status);
  const assembly = assemble(settings, {
    writes: true,
    staysRunning: true,
    routeFiles: routes.current,
    policy: policy.current,
    passed: probes.passed,
    onWritten: probes.written,
    ...(settings.targets.length === 1 ? {} : { rollout }),
    ...(lead === undefined ? {} : { office: lead.elector.office }),
    hooks: {
      onToken,
      onTls: tlsReporter(logger),
      onNomad: (status) => metrics.request('nomad', status),
      onDataPlane: (status, target) => metrics.request('dataplane', status, target),
    },
  });
  const { nomad, catalog } = assembly;
  const serverInfo = createServerInfo(names);
  const fleet = createFleet({
    ...{ passOf: assembly.passOf, targets: names },
    settings: settings.sync,
    onWake: reporter.woke,
    onSuccess: (picture) => {
      reporter.succeeded(picture);
      serverInfo.succeeded(picture);
      fleetMetrics.succeeded(picture);
      health.succeeded(picture);
      status.succeeded(picture);
      watches.succeeded(picture);
      probes.succeeded(picture);
      wakes.namespacesSeen(catalog.namespaces());
      examination.succeeded(picture);
    },
    onFailure: (failure, waitMs) => {
      reporter.failed(failure, waitMs);
      fleetMetrics.failed(failure);
      health.failed(failure);
      status.failed(failure);
      watches.failed(failure);
      examination.failed(failure);
    },
  });
  const { sync, discover } = settings;
  const { targets } = assembly;
  const examination = examineAtStart({ settings, targets, logger, onToken, signal });
  const standsBy = (): boolean => lead !== undefined && lead.elector.office() === undefined;
  const discovering =
    discover === undefined
      ? undefined
      : discoverTargets({
          ...{ discover, settings, nomad, logger, signal },
          metrics: createDiscoveryMetrics(registry),
          onTargets: (now) => membership.update(now),
        });
  const health = createHealth({
    ...{ sync, targets: names, standsBy, busySince: fleet.busySince },
    ...(discovering === undefined ? {} : { lacksTargets: discovering.lacksTargets }),
  });
  const status = createStatusSource({
    ...{ version: productVersion(), settings, targets: names },
    ready: health.ready,
    ...(lead === undefined ? {} : { leadership: lead.elector.leadership }),
  });
  const { hostNames = [] } = settings.http;
  const pages = createStatusPages({ source: status, redact, hostNames });
  metrics.readyWhen(() => health.ready().ok);
  const served = { status: health, registry: withServerInfo(registry, serverInfo), redact, pages };
  const server = await startServer(settings, served);
  logger.info('started', { settings: redactSettings(settings) });
  const wakes = startWakeSources({
    client: nomad,
    namespace: settings.nomad.namespace,
    onWake: (source) => fleet.wake(source),
    onConnected: metrics.streamConnected,
    listener: catalog,
    signal,
    log: logger,
  });
  const watches = startHaproxyWatches({
    clientOf: assembly.clientOf,
    intervalMs: settings.haproxy.watchIntervalMs,
    isBusy: fleet.isBusy,
    onWake: (target) => fleet.wake('haproxy', target),
    signal,
    log: logger,
  });
  names.forEach(watches.joined);
  const followers = [
    ...[metrics, reporter, fleetMetrics, serverInfo, health],
    ...[status, watches, probes, examination],
    { left: rollout.forget },
  ];
  const membership = createMembership({ assembly, fleet, followers, log: logger });
  void lead?.elector.run(signal);
  const discovered = discovering?.run();
  await fleet.run(signal);
  // Only when the last pass is over: another leader begins at once.
  await lead?.close();
  await Promise.all([wakes.done, watches.done(), examination.done(), discovered]);
  routes.close();
  policy.close();
  nomad.close();
  await server?.close();
  logger.info('stopped');
  return 0;
}

async function startServer({ http }: Settings, served: Omit<HttpServerOptions, 'host' | 'port'>) {
  if (!http.enabled) return undefined;
  const { host, port, hostNames = [] } = http;
  return startHttpServer({ host, port, hostNames, ...served });
}
