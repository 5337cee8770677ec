import type { ActualState } from '../actual/types.js';
import type { Hazard } from '../config/hazards.js';
import type { Settings } from '../config/types.js';
import type { Judged } from '../observe/discover/model/types.js';
import type { Picture } from '../pass/picture.js';
import type { JsonObject } from '../shared/json.js';

/** In the order in which they are printed. */
export const groups = [
  'Settings',
  'Nomad',
  'Data Plane API',
  'HAProxy',
  'haproxy.cfg',
  'Connector',
] as const;

export type Group = (typeof groups)[number];

/** What one check found. */
export type Finding =
  | { readonly level: 'ok'; readonly says: string }
  | { readonly level: 'warning' | 'error'; readonly says: string; readonly fix: string };

/** `not-checked`: what the check builds on failed, which another line reports. */
export type Line = (Finding | { readonly level: 'not-checked'; readonly says: string }) & {
  readonly check: string;
  readonly group: Group;
};

export type Level = Line['level'];

/** Why something isn't known. The first check that needs it reports `says` and `fix`. */
export interface Lack {
  readonly says: string;
  readonly fix: string;
  /** For the checks that can't run without it: `Nomad can't be reached`. */
  readonly short: string;
}

/** What checks judge. Each is found out once, when a check needs it, by GET requests alone. */
export interface Facts {
  readonly settings: Settings;
  readonly hazards: readonly Hazard[];
  readonly port: PortFact;
  readonly routeFolder: RouteFolderFact;
  /** Nomad answers. */
  readonly nomad: Answered;
  readonly nomadVersion: VersionFact;
  readonly token: TokenFact;
  /** Namespaces that Nomad shows to the token. */
  readonly namespaces: readonly string[];
  readonly rights: Readonly<Record<Right, readonly RightFact[]>>;
  readonly stream: readonly StreamFact[];
  /** What `haproxy.discover` found. */
  readonly discovered: DiscoveredFact;
  readonly lock: LockFact;
  /** The Data Plane API answers, and accepts the password. */
  readonly dataplane: Answered;
  readonly dataplaneVersion: VersionFact;
  /** HAProxy answers through the Data Plane API. */
  readonly process: ProcessFact;
  /** Oldest first. */
  readonly reloads: readonly ReloadFact[];
  readonly sections: SectionsFact;
  readonly loaded: LoadedFact;
  readonly maps: MapsFact;
  readonly actual: ActualState;
  /** Of a pass that writes nothing. */
  readonly picture: Picture;
}

export type FactName = keyof Facts;

export interface DiscoveredFact {
  /** Absent where the settings name the HAProxies. */
  readonly judged?: Judged;
}

export interface Answered {
  /** Base URL or socket, without credentials. */
  readonly at: string;
  /** How far the clock of the other host is ahead of ours, from the header `Date`. */
  readonly aheadMs?: number;
}

/** The port of `http.listen`. `ours`: a connector listens there. */
export type PortFact =
  | { readonly state: 'off' | 'free' | 'ours' }
  /** `code`: EADDRINUSE, EACCES, EADDRNOTAVAIL. */
  | { readonly state: 'unusable'; readonly code: string };

/** `code`: ENOENT, EACCES. */
export type RouteFolderFact = { readonly state: 'unset' | 'readable' } | { readonly code: string };

/** Undefined: it doesn't say. */
export interface VersionFact {
  readonly version?: string;
}

export interface TokenFact {
  /** `unknown`: Nomad doesn't say. */
  readonly kind: 'acls-off' | 'anonymous' | 'client' | 'management' | 'unknown';
  /** Unix milliseconds. */
  readonly expiresAt?: number;
}

/** What the connector asks Nomad for, by what it is for. */
export const rights = ['jobs', 'job', 'services', 'allocations'] as const;
export type Right = (typeof rights)[number];

export interface RightFact {
  readonly namespace: string;
  /** HTTP status. */
  readonly status: number;
}

export interface StreamFact {
  readonly namespace: string;
  /** `silent`: a 200 without a heartbeat, which is how Nomad refuses it. */
  readonly state: 'heard' | 'silent' | 'failed';
}

/** The variable of `leader.lock_path`. */
export type LockFact =
  | { readonly state: 'unset' }
  | {
      readonly state: 'asked';
      readonly path: string;
      readonly namespace: string;
      /** For the token's policy. */
      readonly block: string;
      /**
       * `others`: the variable holds something that is no lock. `unknown`: it can be read, and Nomad
       * doesn't show the token's policies.
       */
      readonly access: 'refused' | 'read-only' | 'others' | 'unknown' | 'full';
    };

export interface ProcessFact {
  readonly version: string;
  readonly pid: number;
  /** The socket that the Data Plane API talks to. */
  readonly socket?: string;
  /** Listeners that no reload ends: one in a worker of master-worker mode, none otherwise. */
  readonly unstoppable?: number;
  /** File descriptors that it reserved. */
  readonly maxSockets?: number;
  readonly maxConnections?: number;
}

export interface ReloadFact {
  readonly id: string;
  readonly status: string;
  /** What HAProxy said, on one line. */
  readonly response: string;
}

/** Sections of haproxy.cfg, as the Data Plane API answers them. */
export interface SectionsFact {
  readonly global: JsonObject;
  readonly defaults: readonly JsonObject[];
  /** With what is in them. */
  readonly frontends: readonly JsonObject[];
  readonly backends: readonly JsonObject[];
}

/** Names of what the process runs. */
export interface LoadedFact {
  readonly frontends: readonly string[];
  readonly backends: readonly string[];
}

/** Absolute paths. */
export interface MapsFact {
  readonly stored: readonly string[];
  readonly loaded: readonly string[];
}

/** A row of the table: docs/doctor.md has it with `about` and `remedy`. */
export interface Check {
  readonly id: string;
  readonly group: Group;
  /** What it looks at. */
  readonly about: string;
  /** How what it finds is fixed, in general. A finding names the line to write. */
  readonly remedy: string;
  readonly needs: readonly FactName[];
  /** False: the daemon logs it anyway, or it costs too much at a start. */
  readonly atStart: boolean;
  readonly run: (known: Facts, now: number) => readonly Finding[];
}

interface CheckOf<Names extends FactName> extends Omit<Check, 'needs' | 'run'> {
  readonly needs: readonly Names[];
  readonly run: (known: Pick<Facts, Names>, now: number) => Finding | readonly Finding[];
}

/** A check can use only what it says it needs. */
export function check<const Names extends FactName>(row: CheckOf<Names>): Check {
  return { ...row, run: (known, now) => [row.run(known, now)].flat() };
}

export function ok(says: string): Finding {
  return { level: 'ok', says };
}

export function warning(says: string, fix: string): Finding {
  return { level: 'warning', says, fix };
}

export function error(says: string, fix: string): Finding {
  return { level: 'error', says, fix };
}

/** What was found, or that all is well. */
export function orOk(findings: readonly Finding[], says: string): readonly Finding[] {
  return findings.length === 0 ? [ok(says)] : findings;
}
