import type { Binding, SlotConfig } from '../haproxy/slots.js';
import type { DesiredWarning, Skipped } from '../desired/types.js';
import type { JsonObject } from '../shared/json.js';
import type { KindsOf, KindsOn, RouteOf, StepKind } from './steps.js';

/** The steps for HAProxy, in order. Deeply readonly plain data. */
export interface Plan {
  /** Steps are left because the next reload has to wait this long, to gather changes or for its turn. */
  readonly gathering?: { readonly afterMs: number; readonly rollout?: RolloutWait };
  readonly header: PlanHeader;
  readonly steps: readonly Step[];
  readonly held?: Held;
  /** What `sync.policy` leaves as it is and `sync` would change too; absent under `sync`. */
  readonly kept?: readonly Step[];
  /** What the next pass is to remember of absences. */
  readonly absences: Absences;
  /** Nomad's index, as the marker should say it; undefined: leave it alone. */
  readonly markIndex?: number;
  readonly skipped: readonly Skipped[];
  readonly warnings: readonly DesiredWarning[];
  /** Problems in the operator's part that block our work. */
  readonly problems: readonly Problem[];
  /** Something is in progress (a drain, a gate): look again soon even if Nomad is quiet. */
  readonly inMotion: boolean;
  /** Servers waiting for their check to pass. */
  readonly waiting: readonly string[];
}

/** Changes that wait for the verdict of other HAProxies. */
export interface RolloutWait {
  /** Names of the HAProxies whose verdict is missing; none: its turn is yet to come. */
  readonly for: readonly string[];
  /** Services that stay as they are until then. */
  readonly services: readonly string[];
}

export interface PlanHeader {
  readonly url: string;
  readonly configVersion: number;
  readonly catalogIndex: number;
}

export const problemCodes = [
  'frontend-missing',
  'frontend-mode',
  'unstable-backend',
  'foreign-entry',
  'not-adopted',
  'backend-referenced',
  'servers-short',
] as const;

export type ProblemCode = (typeof problemCodes)[number];

export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
}

/** Removals held by the guard. */
export interface Held {
  readonly reason: string;
  /** Instance ids that stay bound. */
  readonly instances: readonly string[];
  /** Our backends that are kept, with their routes. */
  readonly backends: readonly string[];
  /** A second full read that agrees can release them. */
  readonly releasable: boolean;
  /** Based on a read whose absences can't be trusted, so it confirms nothing. */
  readonly untrusted?: true;
  /** Nothing tells why it went: only time releases it, or the operator. */
  readonly lasting?: LastingHold;
}

export interface LastingHold {
  /** Unix seconds: when the first of it was missed. */
  readonly since: number;
  /** Unix seconds: when the last of it goes, if Nomad can be read until then and nothing comes back. */
  readonly until: number;
  /** Until the first of it goes. */
  readonly remainingMs: number;
}

/** What was absent without a trace, and for how long: a hint that may be lost. */
export interface Absences {
  /** Unix milliseconds of the last read that could be trusted. */
  readonly readAt: number;
  readonly known: readonly Absence[];
}

export interface Absence {
  /** `server <instance id>` or `backend <name>`. */
  readonly what: string;
  /** Unix seconds. */
  readonly since: number;
  /** Summed up from read to read, so that no step of a clock and no outage adds to it. */
  readonly forMs: number;
  /** Removed at once, as part of a small share: it counts towards the share until the hold is over. */
  readonly released?: true;
}

/** Why HAProxy must reload. A metric label, so the set is bounded. */
export const reloadReasons = [
  'new-backend',
  'changed-backend',
  'removed-backend',
  'more-slots',
  'custom-servers',
  'routing-rules',
  'generation',
  'lost-reload',
] as const;

export type ReloadReason = (typeof reloadReasons)[number];

/** A slot's desired state. */
export interface PlannedSlot {
  readonly name: string;
  readonly service: string;
  readonly binding?: Binding;
  /** It is in an operator's backend. */
  readonly shared?: true;
  /** Its instance is already UP under another name, so it needn't wait for a check. */
  readonly servesAlready?: true;
  readonly config: SlotConfig;
  /** Administrative state at runtime. */
  readonly admin: 'ready' | 'drain' | 'maint';
}

/** The kinds and their routes are defined in steps.ts. */
export type Step = CreateMap | WriteMap | TransactionStep | SlotStep | OpenServer | EntryStep;

interface StepOfTable<K extends StepKind> {
  readonly kind: K;
  readonly route: RouteOf<K>;
}

export interface CreateMap extends StepOfTable<'create-map'> {
  readonly map: string;
}

/** Writes a whole file: one that differs from the process, or the record of our entries. */
export interface WriteMap extends StepOfTable<'write-map'> {
  readonly map: string;
  readonly entries: Readonly<Record<string, string>>;
  readonly when: 'first' | 'last';
}

/** Steps that need a reload. */
export type TransactionStep =
  | CreateBackend
  | ReplaceBackend
  | DeleteBackend
  | CreateServer
  | ReplaceServer
  | DeleteServer
  | RuleStep
  | SetMarker
  | ReloadStep;

interface Structural<K extends KindsOn<'transaction'>> extends StepOfTable<K> {
  readonly reload: ReloadReason;
  /** For people: `new backend nomad_api`. */
  readonly reason: string;
}

export interface CreateBackend extends Structural<'create-backend'> {
  readonly backend: string;
  readonly service: string;
  readonly section: JsonObject;
  readonly slots: readonly PlannedSlot[];
  readonly summary: string;
}

export interface ReplaceBackend extends Structural<'replace-backend'> {
  readonly backend: string;
  readonly service: string;
  readonly section: JsonObject;
  readonly slots: readonly PlannedSlot[];
  /** Previous slots, to show what changes. */
  readonly before: readonly SlotBefore[];
  /** For people: `adv_check: tcp-check -> httpchk`. */
  readonly changes: readonly string[];
  readonly summary: string;
}

export interface SlotBefore {
  readonly name: string;
  readonly binding?: Binding;
  readonly config: SlotConfig;
}

export interface DeleteBackend extends Structural<'delete-backend'> {
  readonly backend: string;
  readonly service: string;
  readonly before: readonly SlotBefore[];
}

/** In an operator's backend. */
export interface CreateServer extends Structural<'create-server'> {
  readonly backend: string;
  readonly slot: PlannedSlot;
  readonly fields: JsonObject;
  readonly summary: string;
}

export interface ReplaceServer extends Structural<'replace-server'> {
  readonly backend: string;
  readonly slot: PlannedSlot;
  readonly fields: JsonObject;
  readonly before: SlotBefore;
}

export interface DeleteServer extends Structural<'delete-server'> {
  readonly backend: string;
  readonly before: SlotBefore;
  readonly service: string;
}

/** Edits of a frontend's list. Indexes are valid if the steps run in order. */
export type RuleStep = { [K in KindsOf<'rule'>]: RuleEdit<K> }[KindsOf<'rule'>];

interface RuleEdit<K extends KindsOf<'rule'>> extends Structural<K> {
  readonly frontend: string;
  readonly list: 'acls' | 'backend_switching_rules' | 'http_request_rules';
  readonly index: number;
  readonly rule: JsonObject;
}

export interface SetMarker extends Structural<'set-marker'> {
  readonly hash: string;
  /** The marker's backend already exists. */
  readonly exists: boolean;
  /** Nomad's index, for a later process to compare with. */
  readonly nomadIndex?: number;
}

export type SlotStep = { [K in KindsOf<'slot'>]: SlotEdit<K> }[KindsOf<'slot'>];

interface SlotEdit<K extends KindsOf<'slot'>> extends StepOfTable<K> {
  readonly backend: string;
  readonly service: string;
  readonly before: SlotBefore;
  readonly slot: PlannedSlot;
  /** Set it DOWN first: its check must pass before it gets traffic. */
  readonly gated: boolean;
  readonly summary: string;
}

/** Its check passed when the connector ran it: HAProxy need not run its own first. */
export interface OpenServer extends StepOfTable<'open-server'> {
  readonly backend: string;
  readonly service: string;
  readonly server: string;
  readonly config: SlotConfig;
  readonly binding?: Binding;
  /** The probe's. */
  readonly key: string;
}

export type EntryStep = { [K in KindsOf<'entry'>]: EntryEdit<K> }[KindsOf<'entry'>];

interface EntryEdit<K extends KindsOf<'entry'>> extends StepOfTable<K> {
  readonly map: string;
  readonly key: string;
  /** Empty for a removal. */
  readonly value: string;
  /**
   * `first`: before the transaction; `with-commit`: goes live with its reload; `last`: at the end.
   */
  readonly when: 'first' | 'with-commit' | 'last';
}

export type ReloadStep = Structural<'reload'>;
