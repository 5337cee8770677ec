import type { BackendStrategy, Settings } from '../config/types.js';
import type { HostMatch } from '../haproxy/map-names.js';
import type { Origins } from './origins.js';
import type { JsonObject } from '../shared/json.js';
import type { Catalog } from '../observe/types.js';

export interface DesiredInput {
  readonly catalog: Catalog;
  readonly settings: Settings;
  /** Routes to what is not in Nomad. Their claims on a domain beat Nomad's. */
  readonly routeFiles?: readonly RouteFile[];
  /** By `namespace/service`: what HAProxy refused, and for which input. */
  readonly rejected?: Readonly<Record<string, Rejection>>;
}

export interface Rejection {
  /** `DesiredBackend.fingerprint` of the refused input. */
  readonly fingerprint: string;
  readonly reason: string;
}

/** A validated file of the routes folder, see route-files.ts. */
export interface RouteFile {
  /** The file's name without its extension. */
  readonly name: string;
  readonly targets: readonly RouteTarget[];
  /** The rest of the file as tags without their prefix: `domain=a.example.com`. */
  readonly tags: readonly string[];
}

export interface RouteTarget {
  /** An IP address, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  readonly weight?: number;
}

/** What HAProxy should look like, in the Data Plane API's own terms. Deeply readonly plain data. */
export interface DesiredState {
  /** Sorted by name, then slotPrefix: services may share a custom backend. */
  readonly backends: readonly DesiredBackend[];
  /** Sorted by match, host, path and mode. */
  readonly routes: readonly DesiredRoute[];
  readonly skipped: readonly Skipped[];
  /** Instances of skipped services: they come and go wherever the service stands already. */
  readonly kept: readonly KeptService[];
  readonly warnings: readonly DesiredWarning[];
}

/**
 * What is known of a skipped service. Where it stands, and how it is checked there, is read from
 * HAProxy: the tags that say so may be the ones that can't be read.
 */
export interface KeptService {
  readonly service: string;
  /** Sorted by id. */
  readonly endpoints: readonly KeptEndpoint[];
  readonly expected?: number;
  /** As in `DesiredBackend`; used only where the standing section looks them up. */
  readonly checkPaths?: Readonly<Record<string, string>>;
  readonly checkHosts?: Readonly<Record<string, string>>;
  readonly canaries?: readonly string[];
}

export interface KeptEndpoint extends Endpoint {
  /** Its tags or its job spec don't tell: what stands in its slot, or its neighbours', is used. */
  readonly unread?: readonly ('weight' | 'checkPort')[];
}

export interface DesiredBackend {
  /** `dynamic`: the whole backend is ours. `custom`: the operator's, only our servers are ours. */
  readonly kind: 'dynamic' | 'custom';
  /** A valid HAProxy name, see names.ts. */
  readonly name: string;
  /** `namespace/service`, or `file:name` for a route file. */
  readonly service: string;
  /** Slots are named `<slotPrefix>_<n>`; unique over all backends. */
  readonly slotPrefix: string;
  /**
   * The backend's section as the Data Plane API's `full_section` JSON, without name, servers and
   * metadata. Empty for a custom backend.
   */
  readonly section: JsonObject;
  /**
   * Server fields that all slots share and that `default_server` can't carry: empty for dynamic
   * backends, the per-server check for custom ones.
   */
  readonly serverFields: JsonObject;
  /**
   * The job spec could not be read: keep the check that the backend has, or our servers in a custom
   * one; `section` and `serverFields` hold what does where there is none.
   */
  readonly keepCheck: boolean;
  /** False: servers have no check, so nothing may wait for one to pass. */
  readonly hasCheck: boolean;
  /**
   * Instances of several job versions are checked each on their own path and Host, by endpoint id.
   * `section` then holds the placeholders of check-maps.ts; without these it holds none.
   */
  readonly checkPaths?: Readonly<Record<string, string>>;
  readonly checkHosts?: Readonly<Record<string, string>>;
  /** Ids of the endpoints that requests may ask for; only where `section` looks them up (canary.ts). */
  readonly canaries?: readonly string[];
  /** For people: `check GET /health every 10s`. */
  readonly checkSummary: string;
  /** Where each value came from, by the tag's key. */
  readonly origins: Origins;
  /** Sorted by id. */
  readonly endpoints: readonly Endpoint[];
  /** Instances that the jobs ask for: a backend is made before they have all come. */
  readonly expected?: number;
  /** From the tag or the config: what to do about a backend of that name that isn't ours. */
  readonly strategy: BackendStrategy;
  /** Of all that HAProxy could refuse: the same input gives the same one, whatever the endpoints. */
  readonly fingerprint: string;
}

export interface Endpoint {
  /** The Nomad registration's id, or a route file's target id. */
  readonly id: string;
  /** The registration's CreateIndex: a new one for the same id is a restart. */
  readonly createIndex: number;
  /** Empty where `unresolved`. */
  readonly address: string;
  readonly port: number;
  /** Its host name can't be resolved now: it keeps the slot and the address that it has, if any. */
  readonly unresolved?: true;
  /** Where it differs from `port`. */
  readonly checkPort?: number;
  /** 0 to 256. */
  readonly weight: number;
  /** Nobody asked for the weight: among an operator's servers it is HAProxy's own. */
  readonly isUsualWeight?: true;
  /**
   * `serve`: gets traffic once its check passed. `gate`: bound to a slot but never taken out of
   * drain (e.g. the allocation is pending). `drain`: positively read as stopping or terminal.
   */
  readonly phase: 'serve' | 'gate' | 'drain';
  /** The allocation runs no more, so nothing is gained by waiting for its requests. */
  readonly terminal: boolean;
}

export interface DesiredRoute {
  /** `any`: no host is asked for; it has a path (http), or takes a whole frontend (tcp). */
  readonly match: HostMatch;
  /** Lower case, a regex too; a wildcard without its `*.`; `''` for `any`. */
  readonly host: string;
  /**
   * A path prefix of whole segments that begins with `/` and doesn't end in one: `/api` matches
   * `/api` and `/api/x`, not `/apix`. None for the whole host.
   */
  readonly path?: string;
  /** `tcp`: the host is the TLS server name (SNI). */
  readonly mode: 'http' | 'tcp';
  /** Sorted; from the tag, else from the settings. A route suits only frontends of its mode. */
  readonly frontends: readonly string[];
  readonly backend: string;
  /** `namespace/service`, or `file:name`. */
  readonly service: string;
}

/** Why a service is skipped: bounded, a metric label. */
export const skipCodes = [
  'invalid-tag',
  'domain-claimed',
  'name-conflict',
  'backend-conflict',
  'rejected-by-haproxy',
  'invalid-route-file',
] as const;

export type SkipCode = (typeof skipCodes)[number];

export interface Skipped {
  readonly service: string;
  readonly code: SkipCode;
  /** One line for people: names the job, the tag and the allowed form. */
  readonly reason: string;
  /** The service's backend, where its name is known. */
  readonly backend?: string;
}

export const desiredWarningCodes = [
  'unknown-tag',
  'check-fallback',
  'check-unreadable',
  'instance-unusable',
  'ignored-tag',
  'domain-claimed',
  'tags-differ',
] as const;

export type DesiredWarningCode = (typeof desiredWarningCodes)[number];

export interface DesiredWarning {
  readonly service: string;
  readonly code: DesiredWarningCode;
  readonly message: string;
}
