import type { PolicySettings } from './policy.js';

export interface HttpSettings {
  /** Empty: all addresses. */
  readonly host: string;
  readonly port: number;
  readonly enabled: boolean;
  /** Names that requests for the status page may use besides addresses and this machine's own. */
  readonly hostNames?: readonly string[];
}

/** All settings, resolved: flags > environment > file > defaults. Times are milliseconds. */
export interface Settings {
  readonly nomad: NomadSettings;
  readonly haproxy: HaproxySettings;
  /** Empty as long as `discover` has found none. */
  readonly targets: readonly TargetSettings[];
  /** Absent: the targets are those of the settings. */
  readonly discover?: DiscoverSettings;
  /** Absent: this connector alone writes, without a lock. */
  readonly leader?: LeaderSettings;
  /** Over several targets. */
  readonly rollout: RolloutSettings;
  readonly tags: { readonly prefix: string };
  readonly ownership: {
    readonly prefix: string;
    readonly adopt: boolean;
    /** Instead of Nomad's region, which clusters may share. */
    readonly scope?: string;
  };
  readonly routing: RoutingSettings;
  readonly checks: CheckDefaults;
  readonly slots: SlotSettings;
  readonly guard: GuardSettings;
  readonly sync: SyncSettings;
  readonly limits: LimitSettings;
  readonly routes: { readonly directory?: string };
  /** Absent: `openPolicy`. */
  readonly policy?: PolicySettings;
  /** An empty host means all addresses. */
  readonly http: HttpSettings;
  readonly log: { readonly level: LogLevel };
}

/** What to do if a backend with the wanted name exists and isn't the connector's. */
export type BackendStrategy = 'use_existing' | 'create_new' | 'fail_on_conflict';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface NomadSettings {
  readonly address: string;
  readonly unixSocket?: string;
  readonly token?: string;
  /** Reread on 401 and 403. */
  readonly tokenFile?: string;
  readonly region?: string;
  /** `*` for all. */
  readonly namespace: string;
  readonly caCert?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly tlsServerName?: string;
  readonly skipVerify: boolean;
  readonly requestTimeoutMs: number;
}

/** One HAProxy behind one Data Plane API. */
export interface TargetSettings {
  readonly name: string;
  /** Base URL of the Data Plane API, without `/v3`. */
  readonly address: string;
  readonly username: string;
  readonly password: string;
  readonly caCert?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly tlsServerName?: string;
  readonly requestTimeoutMs: number;
  /** ID of the Nomad allocation, of one that was discovered. */
  readonly allocation?: string;
}

/** Which instances in Nomad's catalog are the Data Plane APIs of HAProxies. */
export interface DiscoverSettings {
  readonly service: string;
  readonly namespace: string;
  /** ID. Instances of other jobs never get a request: it would hold the password. */
  readonly job: string;
  readonly scheme: 'http' | 'https';
  /** Of each HAProxy that is found. */
  readonly shared: Omit<TargetSettings, 'name' | 'address' | 'allocation'>;
}

/** Settings shared by all targets. */
export interface HaproxySettings {
  readonly backendStrategy: BackendStrategy;
  readonly drainTimeoutMs: number;
  readonly frontends: readonly string[];
  /** The operator's `peers` section for the tables of rate limits. */
  readonly peers?: string;
  /** Undefined: no watch, only passes read HAProxy. */
  readonly watchIntervalMs?: number;
}

/** The lock that several connectors share: a Nomad variable. */
export interface LeaderSettings {
  readonly path: string;
  /** The leader writes this long after its last renewal. Nomad frees the lock after twice this time. */
  readonly ttlMs: number;
  /** Added to that by Nomad. */
  readonly delayMs: number;
}

/** In which order several HAProxies get what needs a reload. */
export interface RolloutSettings {
  /** Name of the target that is first. Absent: the first by name. */
  readonly canary?: string;
  /** How long a change has to hold there before the others get it. */
  readonly settleMs: number;
  /** How many of the others load it at a time. */
  readonly maxParallel: number;
}

export interface RoutingSettings {
  readonly mode: 'map' | 'rules';
  /** Position of our rules relative to the operator's. */
  readonly position: 'before' | 'after';
  /** Base name of the exact map in the data plane's maps folder, without `.map`. */
  readonly mapName: string;
  /**
   * The map's path as configured in `domain_map.file_path`. It must be in the data plane's maps
   * folder, which is only known at run time. Map mode only.
   */
  readonly mapFile?: string;
}

export interface CheckDefaults {
  /** Read checks from job specs. */
  readonly fromJobSpec: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  /** The connector runs the checks of servers that wait for one. */
  readonly probe: boolean;
}

export interface SlotSettings {
  /** Spare slots as a share of the instances. */
  readonly spareFactor: number;
  readonly spareMin: number;
  /** Most servers of a backend; spare ones are cut to it. */
  readonly most?: number;
}

export interface GuardSettings {
  /** Percentage of owned servers or backends that one pass may remove on absence alone. */
  readonly maxRemovalPercent: number;
  /** How long more than that must be absent before it goes, where nothing tells why; 0: no wait. */
  readonly tracelessHoldMs: number;
  /** The operator allows every removal. */
  readonly allowRemovals: boolean;
}

/**
 * | policy | of what is there, a pass may |
 * |---|---|
 * | sync | change and remove everything that is the connector's |
 * | upsert-only | change it; backends, routes and groups of servers stay when their service goes |
 * | create-only | change nothing, too, but the servers of a backend |
 */
export const syncPolicies = ['sync', 'upsert-only', 'create-only'] as const;

export type SyncPolicy = (typeof syncPolicies)[number];

export interface SyncSettings {
  readonly policy: SyncPolicy;
  readonly resyncIntervalMs: number;
  readonly debounceMs: number;
  readonly debounceMaxMs: number;
  /** Maximum time between full reads. */
  readonly fullReadIntervalMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

/** Bounds for what one service, or all of them, can cost. */
export interface LimitSettings {
  readonly nameBytes: number;
  readonly tagsPerService: number;
  readonly tagBytes: number;
  readonly tagsBytes: number;
  readonly domainsPerService: number;
  readonly pathsPerService: number;
  readonly routesPerService: number;
  readonly regexesPerService: number;
  readonly regexesTotal: number;
  /** Of all expressions, see `regexSteps` in src/desired/regex.ts. */
  readonly regexSteps: number;
  readonly serversPerBackend: number;
  /** Undefined: as many as HAProxy's process can hold. */
  readonly serversTotal?: number;
  readonly checkIntervalMs: number;
  /** 0: no wait. */
  readonly reloadIntervalMs: number;
  readonly answerBytes: number;
  readonly objectBytes: number;
}
