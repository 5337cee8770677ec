import type { BackendStrategy, Settings } from '../config/types.js';
import type { ClaimRecord } from '../haproxy/claims-record.js';
import type { HaproxyFacts } from '../haproxy/facts.js';
import type { HostMatch } from '../haproxy/map-names.js';
import type { LimitName } from './limit-names.js';
import type { Origins } from './origins.js';
import type { OwnEndpoint } from '../haproxy/own-endpoints.js';
import type { JsonObject } from '../shared/json.js';
import type { Catalog } from '../observe/types.js';

export interface DesiredInput {
  readonly catalog: Catalog;
  readonly settings: Settings;
  /** Routes to services outside Nomad. Their domain claims beat Nomad's. */
  readonly routeFiles?: readonly RouteFile[];
  /** Refusals by `namespace/service`, with the refused input. */
  readonly rejected?: Readonly<Record<string, Rejection>>;
  /** What the policy must know of HAProxy's configuration. */
  readonly facts?: HaproxyFacts;
  /** Where the connector and what it talks to listen. */
  readonly endpoints?: readonly OwnEndpoint[];
  /** Claims as recorded in HAProxy. */
  readonly claims?: ClaimRecord;
  /** Unix milliseconds; absent: no claims are recorded. */
  readonly now?: number;
}

export interface Rejection {
  /** `DesiredBackend.fingerprint` of the refused input. */
  readonly fingerprint: string;
  readonly reason: string;
}

/** A validated route file, see route-files.ts. */
export interface RouteFile {
  /** The file's name without its extension. */
  readonly name: string;
  readonly targets: readonly RouteTarget[];
  /** The other keys as tags without prefix: `domain=a.example.com`. */
  readonly tags: readonly string[];
}

export interface RouteTarget {
  /** An IP address, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  readonly weight?: number;
}

/** HAProxy's desired state, in the Data Plane API's terms. Deeply readonly plain data. */
export interface DesiredState {
  /** Sorted by name, then slotPrefix: services may share a custom backend. */
  readonly backends: readonly DesiredBackend[];
  /** Sorted by match, host, path and mode. */
  readonly routes: readonly DesiredRoute[];
  /**
   * Hosts whose owner is away, to the connector's own backend: no other namespace's pattern answers
   * for them. They give way to routes that stay in HAProxy.
   */
  readonly vacant?: readonly DesiredRoute[];
  readonly skipped: readonly Skipped[];
  /**
   * Instances of skipped services. They are still bound and drained where the service already
   * exists.
   */
  readonly kept: readonly KeptService[];
  readonly warnings: readonly DesiredWarning[];
  /** The record of claims as it should stand. */
  readonly claims?: ClaimRecord;
}

/**
 * What is known about a skipped service. Its backend and check are read from HAProxy, because the
 * tags that define them may be the invalid ones.
 */
export interface KeptService {
  readonly service: string;
  /** Sorted by id. */
  readonly endpoints: readonly KeptEndpoint[];
  readonly expected?: number;
  readonly scalesTo?: number;
  /** As in `DesiredBackend`; used only if the existing section looks them up. */
  readonly checkPaths?: Readonly<Record<string, string>>;
  readonly checkHosts?: Readonly<Record<string, string>>;
  readonly canaries?: readonly string[];
}

export interface KeptEndpoint extends Endpoint {
  /** Unknown from tags and job spec: the value in its slot, or its neighbours', is used. */
  readonly unread?: readonly ('weight' | 'checkPort')[];
}

export interface DesiredBackend {
  /**
   * `dynamic`: the whole backend is ours. `custom`: the operator's backend, with our servers in it.
   */
  readonly kind: 'dynamic' | 'custom';
  /** A valid HAProxy name, see names.ts. */
  readonly name: string;
  /** `namespace/service`, or `file:name` for a route file. */
  readonly service: string;
  /** Slots are named `<slotPrefix>_<n>`; unique over all backends. */
  readonly slotPrefix: string;
  /**
   * The backend's section as `full_section` JSON of the Data Plane API, without name, servers and
   * metadata. Empty for a custom backend.
   */
  readonly section: JsonObject;
  /**
   * Server fields that all slots share and that `default_server` can't carry: empty for dynamic
   * backends, the per-server check for custom ones.
   */
  readonly serverFields: JsonObject;
  /**
   * The job spec could not be read: keep the existing check of the backend, or of our servers in a
   * custom one. `section` and `serverFields` hold the fallback if there is none.
   */
  readonly keepCheck: boolean;
  /** False: servers have no check, so nothing waits for one. */
  readonly hasCheck: boolean;
  /**
   * Path and Host of each instance's check by endpoint id, if job versions differ. `section` then
   * holds the placeholders of check-maps.ts.
   */
  readonly checkPaths?: Readonly<Record<string, string>>;
  readonly checkHosts?: Readonly<Record<string, string>>;
  /** Ids of the canaries requests may ask for; only if `section` looks them up (canary.ts). */
  readonly canaries?: readonly string[];
  /** For people: `check GET /health every 10s`. */
  readonly checkSummary: string;
  /** Where each value came from, by the tag's key. */
  readonly origins: Origins;
  /** Sorted by id. */
  readonly endpoints: readonly Endpoint[];
  /** Instances the jobs ask for. A backend is created before all of them are registered. */
  readonly expected?: number;
  /** Instances the jobs may be scaled to (`scaling { max }`), if that is more. */
  readonly scalesTo?: number;
  /** From tag or config: what to do about an existing backend of that name that isn't ours. */
  readonly strategy: BackendStrategy;
  /** Hash of everything HAProxy could refuse. Independent of the endpoints. */
  readonly fingerprint: string;
}

export interface Endpoint {
  /** The Nomad registration's id, or a route file's target id. */
  readonly id: string;
  /** The registration's CreateIndex: a new one for the same id is a restart. */
  readonly createIndex: number;
  /** The job's ID, unless it is the service's name. */
  readonly job?: string;
  /** Empty if `unresolved`. */
  readonly address: string;
  readonly port: number;
  /** Its address isn't known at the moment: it keeps its current slot and address, if any. */
  readonly unresolved?: true;
  /** If it differs from `port`. */
  readonly checkPort?: number;
  /** 0 to 256. */
  readonly weight: number;
  /** No weight was requested: among an operator's servers, HAProxy's default is used. */
  readonly isUsualWeight?: true;
  /**
   * `serve`: gets traffic once its check passes. `gate`: bound to a slot but kept in drain (e.g.
   * the allocation is pending). `drain`: known to be stopping or terminal.
   */
  readonly phase: 'serve' | 'gate' | 'drain';
  /** The allocation has ended, so waiting for its requests is pointless. */
  readonly terminal: boolean;
}

export interface DesiredRoute {
  /** `any`: any host; it has a path (http) or takes a whole frontend (tcp). */
  readonly match: HostMatch;
  /** Lower case, even for a regex; a wildcard without its `*.`; `''` for `any`. */
  readonly host: string;
  /**
   * A path prefix of whole segments, with a leading and no trailing `/`: `/api` matches `/api` and
   * `/api/x`, not `/apix`. Absent for the whole host.
   */
  readonly path?: string;
  /** `tcp`: the host is the TLS server name (SNI). */
  readonly mode: 'http' | 'tcp';
  /** Sorted; from the tag, otherwise the settings. A route needs frontends of its own mode. */
  readonly frontends: readonly string[];
  readonly backend: string;
  /** `namespace/service`, or `file:name`. */
  readonly service: string;
}

/** Why a service is skipped. A metric label, so the set is bounded. */
export const skipCodes = [
  'invalid-tag',
  'domain-claimed',
  'policy',
  'name-conflict',
  'backend-conflict',
  'rejected-by-haproxy',
  'invalid-route-file',
  'limit-exceeded',
  'unreadable',
  'plan-failed',
] as const;

export type SkipCode = (typeof skipCodes)[number];

export interface Skipped {
  readonly service: string;
  readonly code: SkipCode;
  /** One line for people with the job, the tag and the allowed form. */
  readonly reason: string;
  /** The service's backend, if its name is known. */
  readonly backend?: string;
  /** The setting, with the code `limit-exceeded`. */
  readonly limit?: LimitName;
}

export const desiredWarningCodes = [
  'unknown-tag',
  'check-fallback',
  'check-unreadable',
  'instance-unusable',
  'ignored-tag',
  'domain-claimed',
  'policy',
  'foreign-address',
  'weight-capped',
  'namespaces-open',
  'tags-differ',
  'limit-exceeded',
] as const;

export type DesiredWarningCode = (typeof desiredWarningCodes)[number];

export interface DesiredWarning {
  readonly service: string;
  readonly code: DesiredWarningCode;
  readonly message: string;
  /** The setting, with the code `limit-exceeded`. */
  readonly limit?: LimitName;
}
