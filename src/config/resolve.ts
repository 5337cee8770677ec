import { canonicalNamespaces } from './namespaces.js';
import {
  parseDurationOrOff,
  parseListen,
  parseLogLevel,
  parseNomadAddress,
  parseUnixPath,
} from './formats.js';
import type { MergedValues } from './merged.js';
import { openPolicy } from './policy.js';
import { optional } from './optional.js';
import { policyFrom, policyKey } from './policy-values.js';
import { readerOf, type Reader } from './reader.js';
import { targetsFrom } from './targets.js';
import { unfit } from './together.js';
import type {
  BackendStrategy,
  HaproxySettings,
  LeaderSettings,
  LimitSettings,
  NomadSettings,
  RoutingSettings,
  Settings,
  SyncPolicy,
} from './types.js';

/** Builds settings from valid values and defaults. Adds conflicting values to the problems. */
export function resolveSettings(merged: MergedValues, problems: string[]): Settings {
  problems.push(...unfit(merged));
  const read = readerOf(merged);
  return {
    nomad: nomadSettings(read),
    haproxy: haproxySettings(read),
    ...targetsFrom(read, {
      targets: merged.get('haproxy.targets')?.value,
      discover: merged.get('haproxy.discover')?.value,
    }),
    ...optional({ leader: leaderSettings(read) }),
    rollout: {
      ...optional({ canary: read.maybe('rollout.canary') }),
      settleMs: read.ms('rollout.settle'),
      maxParallel: read.number('rollout.max_parallel'),
    },
    tags: { prefix: read.text('tags.prefix') },
    ownership: {
      prefix: read.text('ownership.prefix'),
      adopt: read.yes('ownership.adopt'),
      ...optional({ scope: read.maybe('ownership.scope') }),
    },
    routing: routingSettings(read, merged),
    checks: {
      fromJobSpec: read.yes('checks.from_job_spec'),
      intervalMs: read.ms('checks.interval'),
      timeoutMs: read.ms('checks.timeout'),
      rise: read.number('checks.rise'),
      fall: read.number('checks.fall'),
      probe: read.yes('checks.probe'),
    },
    slots: {
      spareFactor: read.number('slots.spare_factor'),
      spareMin: read.number('slots.spare_min'),
    },
    guard: {
      maxRemovalPercent: read.number('guard.max_removal_percent'),
      tracelessHoldMs: read.ms('guard.traceless_hold'),
      allowRemovals: read.yes('guard.allow_removals'),
    },
    sync: syncSettings(read),
    limits: limitSettings(read),
    policy: policyFrom((key) => merged.get(policyKey(key))?.value, openPolicy),
    routes: optional({ directory: read.maybe('routes.directory') }),
    http: httpSettings(read),
    log: { level: parseLogLevel(read.text('log.level')) ?? 'info' },
  };
}

function nomadSettings(read: Reader): NomadSettings {
  return {
    ...nomadAddress(read),
    namespace: canonicalNamespaces(read.text('nomad.namespace')),
    skipVerify: read.yes('nomad.skip_verify'),
    requestTimeoutMs: read.ms('nomad.request_timeout'),
    ...optional({
      token: read.maybe('nomad.token'),
      tokenFile: read.maybe('nomad.token_file'),
      region: read.maybe('nomad.region'),
      caCert: read.maybe('nomad.ca_cert'),
      clientCert: read.maybe('nomad.client_cert'),
      clientKey: read.maybe('nomad.client_key'),
      tlsServerName: read.maybe('nomad.tls_server_name'),
    }),
  };
}

function leaderSettings(read: Reader): LeaderSettings | undefined {
  const path = read.maybe('leader.lock_path');
  if (path === undefined) return undefined;
  return { path, ttlMs: read.ms('leader.lock_ttl'), delayMs: read.ms('leader.lock_delay') };
}

/**
 * An address beats a socket from the same source: Nomad sets NOMAD_UNIX_ADDR in every task, while
 * NOMAD_ADDR is set deliberately.
 */
function nomadAddress(read: Reader): Pick<NomadSettings, 'address' | 'unixSocket'> {
  const socket = parseUnixPath(read.maybe('nomad.unix_addr') ?? '');
  if (socket !== undefined && !read.isSet('nomad.address')) return overSocket(socket);
  const address = parseNomadAddress(read.text('nomad.address'))!;
  return 'path' in address ? overSocket(address.path) : { address: address.url };
}

function overSocket(unixSocket: string): Pick<NomadSettings, 'address' | 'unixSocket'> {
  return { address: 'http://localhost', unixSocket };
}

function haproxySettings(read: Reader): HaproxySettings {
  const watch = parseDurationOrOff(read.either('haproxy.watch_interval'));
  return {
    backendStrategy: read.text('haproxy.backend_strategy') as BackendStrategy,
    drainTimeoutMs: read.number('haproxy.drain_timeout_sec') * 1000,
    frontends: read.list('haproxy.frontends') ?? [read.text('haproxy.frontend')],
    ...optional({
      peers: read.maybe('haproxy.peers'),
      watchIntervalMs: watch === 'off' ? undefined : watch,
    }),
  };
}

/**
 * | domain_map.enabled | mode | the exact map |
 * |---|---|---|
 * | true | map | at domain_map.file_path, if set |
 * | false | rules | |
 * | absent | routing.mode or its default | in the maps folder |
 */
function routingSettings(read: Reader, merged: MergedValues): RoutingSettings {
  const mode = routingMode(read, merged);
  const mapped = mode === 'map' && read.maybeYes('domain_map.enabled') === true;
  const mapFile = mapped ? read.maybe('domain_map.file_path') : undefined;
  const named = mapFile === undefined || read.isSet('routing.map_name');
  const mapName = named ? read.text('routing.map_name') : mapFile.split('/').at(-1)!;
  return {
    mode,
    position: read.text('routing.position') as RoutingSettings['position'],
    mapName: mapName.replace(/\.map$/, ''),
    ...optional({ mapFile }),
  };
}

function routingMode(read: Reader, merged: MergedValues): RoutingSettings['mode'] {
  const enabled = read.maybeYes('domain_map.enabled');
  const byMap = merged.get('domain_map.enabled')?.rank ?? Infinity;
  const byMode = merged.get('routing.mode')?.rank ?? Infinity;
  if (enabled !== undefined && byMap < byMode) return enabled ? 'map' : 'rules';
  return read.text('routing.mode') as RoutingSettings['mode'];
}

function syncSettings(read: Reader): Settings['sync'] {
  return {
    policy: read.text('sync.policy') as SyncPolicy,
    resyncIntervalMs: read.ms('sync.resync_interval'),
    debounceMs: read.ms('sync.debounce'),
    debounceMaxMs: read.ms('sync.debounce_max'),
    fullReadIntervalMs: read.ms('sync.full_read_interval'),
    backoffMinMs: read.ms('sync.backoff_min'),
    backoffMaxMs: read.ms('sync.backoff_max'),
  };
}

function limitSettings(read: Reader): LimitSettings {
  const total = read.either('limits.servers_total');
  return {
    nameBytes: read.number('limits.name_bytes'),
    tagsPerService: read.number('limits.tags_per_service'),
    tagBytes: read.number('limits.tag_bytes'),
    tagsBytes: read.number('limits.tags_bytes'),
    domainsPerService: read.number('limits.domains_per_service'),
    pathsPerService: read.number('limits.paths_per_service'),
    routesPerService: read.number('limits.routes_per_service'),
    regexesPerService: read.number('limits.regexes_per_service'),
    regexesTotal: read.number('limits.regexes_total'),
    regexSteps: read.number('limits.regex_steps'),
    serversPerBackend: read.number('limits.servers_per_backend'),
    ...optional({ serversTotal: typeof total === 'number' ? total : undefined }),
    checkIntervalMs: read.ms('limits.check_interval'),
    reloadIntervalMs: read.ms('limits.reload_interval'),
    answerBytes: read.number('limits.answer_bytes'),
    objectBytes: read.number('limits.object_bytes'),
  };
}

function httpSettings(read: Reader): Settings['http'] {
  const listen = parseListen(read.either('http.listen'))!;
  if (listen === 'off') return { host: '', port: 0, enabled: false };
  return { ...listen, enabled: true, ...optional({ hostNames: read.list('http.host_names') }) };
}
