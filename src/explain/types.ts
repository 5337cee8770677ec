import type { CheckResult } from '../actual/check-results.js';
import type { Settings } from '../config/types.js';
import type { Origin } from '../desired/origins.js';
import type { SkipCode } from '../desired/types.js';
import type { MapKind } from '../haproxy/map-names.js';
import type { Picture } from '../pass/picture.js';

/** What `explain` knows. Only `picture` and `settings` are needed; the rest says more. */
export interface Seen {
  readonly picture: Picture;
  readonly settings: Settings;
  /** Unix milliseconds. */
  readonly now: number;
  /** The last checks by HAProxy, by `backend/server`. */
  readonly checks?: Readonly<Record<string, CheckResult>>;
  /** All services that Nomad lists, opted in or not. */
  readonly registered?: readonly RegisteredService[];
  readonly jobs?: readonly KnownJob[];
}

export type { CheckResult } from '../actual/check-results.js';

export interface RegisteredService {
  readonly namespace: string;
  readonly name: string;
  /** Of all its instances. */
  readonly tags: readonly string[];
}

export interface KnownJob {
  readonly namespace: string;
  readonly id: string;
  /** `pending`, `running` or `dead`. */
  readonly status: string;
  readonly stopped: boolean;
}

/** Why something answers, or doesn't. */
export const reasons = [
  'serves',
  'operator-rule',
  'unknown-host',
  'not-enabled',
  'no-route',
  'no-instances',
  'instances-pending',
  'instances-draining',
  'node-lost',
  'check-failing',
  'check-pending',
  'maintenance',
  'no-weight',
  'skipped',
  'claimed-by-service',
  'claimed-by-namespace',
  'path-mismatch',
  'not-applied',
  'removal-held',
  'kept-by-policy',
  'gone',
  'not-found',
] as const;

export type Reason = (typeof reasons)[number];

/** One sentence about one subject. */
export interface Answer {
  readonly answers: boolean;
  readonly reason: Reason;
  /** `x.io answers from 2 of 3 instances of web` */
  readonly text: string;
}

/** Plain data with a stable JSON shape; `formatVersion` counts changes that break readers. */
export interface Explanation extends Answer {
  readonly formatVersion: 1;
  readonly query: string;
  readonly target: string;
  /** False: nothing has that name. */
  readonly found: boolean;
  /** Several things have that name; each has its own answer. */
  readonly ambiguous: boolean;
  readonly subjects: readonly Subject[];
  readonly request?: { readonly host: string; readonly path: string };
  /** What HAProxy does with the request, per frontend. */
  readonly routes: readonly FrontendRoute[];
  /** Who wants the host, owners first. */
  readonly claims: readonly ClaimExplained[];
  readonly services: readonly ServiceExplained[];
  readonly backends: readonly BackendExplained[];
  /** What the next pass would do about it. */
  readonly next: NextPass;
  readonly state: StateInHaproxy;
  /** The nearest names, if nothing was found. */
  readonly suggestions: readonly string[];
}

/** A thing that the query names. */
export interface Subject extends Answer {
  readonly kind: 'host' | 'service' | 'backend';
  readonly name: string;
}

export interface FrontendRoute {
  readonly frontends: readonly string[];
  readonly mode: string;
  readonly end: End;
  /** The operator's rules that stand before and may take the request: their condition can't be read. */
  readonly maybe: readonly string[];
}

/** Where a request ends. */
export type End =
  | { readonly kind: 'service'; readonly backend: string; readonly entry: Entry }
  | {
      readonly kind: 'operator';
      readonly rule: string;
      readonly backend?: string;
      readonly status?: number;
    }
  | { readonly kind: 'default'; readonly backend?: string; readonly status?: number };

/** A map's entry, or a rule. */
export interface Entry {
  readonly map?: string;
  readonly file?: string;
  readonly key?: string;
  readonly match?: MapKind;
  readonly rule?: string;
}

export interface ClaimExplained {
  readonly service: string;
  /** `x.io/api`, `*.x.io`. */
  readonly route: string;
  readonly match: string;
  readonly state: 'owns' | 'lost' | 'skipped' | 'not-enabled' | 'gone';
  /** The request's path is within the route's. */
  readonly onPath: boolean;
  /** Unix milliseconds, from the record of claims. */
  readonly since?: number;
  /** Why it doesn't have it. */
  readonly why?: string;
}

export interface ServiceExplained {
  /** `namespace/service`, or `file:name`. */
  readonly service: string;
  readonly skipped?: { readonly code: SkipCode; readonly reason: string; readonly limit?: string };
  /** Its backend, and its slots' prefix there. */
  readonly backend?: string;
  readonly routes: readonly RouteExplained[];
  readonly jobs: readonly JobExplained[];
  readonly instances: readonly InstanceExplained[];
  readonly check?: CheckExplained;
  readonly warnings: readonly string[];
}

export interface RouteExplained {
  readonly route: string;
  readonly match: string;
  readonly mode: 'http' | 'tcp';
  readonly frontends: readonly string[];
}

export interface JobExplained {
  readonly job: string;
  /** Of the service block's group; absent: the job doesn't declare the service any more. */
  readonly count?: number;
  readonly status?: string;
  readonly stopped?: boolean;
}

export interface InstanceExplained {
  readonly id: string;
  readonly job: string;
  /** The job version that it runs; absent: Nomad doesn't know its allocation. */
  readonly version?: number;
  readonly allocation: string;
  readonly node?: string;
  /** Nomad's `ClientStatus` and `DesiredStatus`. */
  readonly clientStatus?: string;
  readonly desiredStatus?: string;
  readonly canary: boolean;
  readonly address: string;
  /** `unused`: it opted out or can't be used. */
  readonly phase: 'serve' | 'gate' | 'drain' | 'unused';
  /** The server that stands for it in HAProxy. */
  readonly server?: string;
}

export interface CheckExplained {
  /** `check GET /health every 10s` */
  readonly summary: string;
  readonly values: readonly CheckValue[];
}

export interface CheckValue {
  /** The tag's key without its prefix: `check.interval`. */
  readonly name: string;
  readonly value: string;
  readonly origin: Origin;
}

export interface BackendExplained {
  readonly name: string;
  /** `connector`: its own. `shared`: the operator's, with the connector's servers. */
  readonly owner: 'connector' | 'shared' | 'operator';
  /** False: it isn't in HAProxy's configuration yet. */
  readonly exists: boolean;
  readonly servers: readonly ServerExplained[];
  /** Slots without an instance. */
  readonly free: number;
}

export type ServerState = 'up' | 'down' | 'drain' | 'maint' | 'unloaded';

export interface ServerExplained {
  readonly name: string;
  readonly owner: 'connector' | 'operator';
  readonly service?: string;
  /** The registration of the instance behind it. */
  readonly instance?: string;
  readonly allocation?: string;
  readonly state: ServerState;
  readonly disk: { readonly address: string; readonly weight: number; readonly disabled: boolean };
  /** Absent: HAProxy has not loaded it. */
  readonly process?: { readonly address: string; readonly admin: string; readonly health: string };
  readonly check?: CheckResult;
  /** Unix seconds. */
  readonly drainingSince?: number;
}

export interface NextPass {
  /** Lines of the plan that concern it: `+ backend nomad_web: default/web`. */
  readonly steps: readonly string[];
  /** Removals of it that the guard holds. */
  readonly held?: string;
  /** What `sync.policy` keeps of it; `sync` would change it. */
  readonly kept: readonly string[];
  readonly problems: readonly string[];
}

/** When and from what HAProxy was last written, as far as its configuration tells. */
export interface StateInHaproxy {
  readonly configVersion: number;
  /** Of the connector's structural changes. */
  readonly generation?: number;
  /** False: HAProxy runs an older configuration than the one on disk. */
  readonly loaded: boolean;
  /** Nomad's index when HAProxy was last written. */
  readonly nomadIndex?: number;
  /** Nomad's index of this read. */
  readonly catalogIndex: number;
}
