import type { Binding, SlotConfig } from '../haproxy/slots.js';
import type { DesiredWarning, Skipped } from '../desired/types.js';
import type { JsonObject } from '../shared/json.js';

/** What to do about HAProxy, in order. Deeply readonly plain data. */
export interface Plan {
  readonly header: PlanHeader;
  readonly steps: readonly Step[];
  readonly held?: Held;
  readonly skipped: readonly Skipped[];
  readonly warnings: readonly DesiredWarning[];
  /** What stands in the operator's part and keeps us from doing our work. */
  readonly problems: readonly Problem[];
  /** Something is in motion (a drain, a gate): look again soon even when Nomad is quiet. */
  readonly inMotion: boolean;
  /** Servers that wait for their check to pass. */
  readonly waiting: readonly string[];
}

export interface PlanHeader {
  readonly url: string;
  readonly configVersion: number;
  readonly catalogIndex: number;
}

export interface Problem {
  readonly code: (typeof problemCodes)[number];
  readonly message: string;
}

export const problemCodes = [
  'frontend-missing',
  'frontend-mode',
  'unstable-backend',
  'foreign-entry',
  'not-adopted',
] as const;

/** Removals that the guard holds back. */
export interface Held {
  readonly reason: string;
  /** Instance ids that stay bound. */
  readonly instances: readonly string[];
  /** Backends of ours that stay, with their routes. */
  readonly backends: readonly string[];
  /** Another full read that agrees can release them. */
  readonly releasable: boolean;
}

/** Why HAProxy has to reload: bounded, a metric label. */
export type ReloadReason =
  | 'new-backend'
  | 'changed-backend'
  | 'removed-backend'
  | 'more-slots'
  | 'custom-servers'
  | 'routing-rules'
  | 'generation'
  | 'lost-reload';

/** A slot as it should be. */
export interface PlannedSlot {
  readonly name: string;
  readonly service: string;
  readonly binding?: Binding;
  /** It stands in a backend of the operator's. */
  readonly shared?: true;
  /** Its instance is UP under another name: it need not wait for a check. */
  readonly servesAlready?: true;
  readonly config: SlotConfig;
  /** Administrative state at runtime. */
  readonly admin: 'ready' | 'drain' | 'maint';
}

/**
 * | route | how |
 * |---|---|
 * | storage | a file made before the transaction |
 * | transaction | in the one transaction, costs the reload |
 * | no-reload | one write of server lines plus runtime actions |
 * | runtime | map entries, on disk at once |
 */
export type Step = CreateMap | StructuralStep | SlotStep | EntryStep | ReloadStep;

export interface CreateMap {
  readonly kind: 'create-map';
  readonly route: 'storage';
  readonly map: string;
}

export type StructuralStep =
  | CreateBackend
  | ReplaceBackend
  | DeleteBackend
  | CreateServer
  | ReplaceServer
  | DeleteServer
  | RuleStep
  | SetMarker;

interface Structural {
  readonly route: 'transaction';
  readonly reload: ReloadReason;
  /** For people: `new backend nomad_api`. */
  readonly reason: string;
}

export interface CreateBackend extends Structural {
  readonly kind: 'create-backend';
  readonly backend: string;
  readonly service: string;
  readonly section: JsonObject;
  readonly slots: readonly PlannedSlot[];
  readonly summary: string;
}

export interface ReplaceBackend extends Structural {
  readonly kind: 'replace-backend';
  readonly backend: string;
  readonly service: string;
  readonly section: JsonObject;
  readonly slots: readonly PlannedSlot[];
  /** Slots before, to tell what changes. */
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

export interface DeleteBackend extends Structural {
  readonly kind: 'delete-backend';
  readonly backend: string;
  readonly service: string;
  readonly before: readonly SlotBefore[];
}

/** In the operator's backend. */
export interface CreateServer extends Structural {
  readonly kind: 'create-server';
  readonly backend: string;
  readonly slot: PlannedSlot;
  readonly fields: JsonObject;
  readonly summary: string;
}

export interface ReplaceServer extends Structural {
  readonly kind: 'replace-server';
  readonly backend: string;
  readonly slot: PlannedSlot;
  readonly fields: JsonObject;
  readonly before: SlotBefore;
}

export interface DeleteServer extends Structural {
  readonly kind: 'delete-server';
  readonly backend: string;
  readonly before: SlotBefore;
  readonly service: string;
}

/** Edits of one list of a frontend; indexes hold when the steps are done in order. */
export interface RuleStep extends Structural {
  readonly kind: 'insert-rule' | 'delete-rule';
  readonly frontend: string;
  readonly list: 'acls' | 'backend_switching_rules' | 'http_request_rules';
  readonly index: number;
  readonly rule: JsonObject;
}

export interface SetMarker extends Structural {
  readonly kind: 'set-marker';
  readonly hash: string;
  /** The marker's backend is there already. */
  readonly exists: boolean;
}

export interface SlotStep {
  readonly kind: 'bind-slot' | 'update-slot' | 'drain-slot' | 'free-slot' | 'repair-slot';
  readonly route: 'no-reload';
  readonly backend: string;
  readonly service: string;
  readonly before: SlotBefore;
  readonly slot: PlannedSlot;
  /** Set it DOWN first: its check must pass before it gets traffic. */
  readonly gated: boolean;
  readonly summary: string;
}

export interface EntryStep {
  readonly kind: 'add-entry' | 'set-entry' | 'delete-entry';
  readonly route: 'runtime';
  readonly map: string;
  readonly key: string;
  /** Empty for a deletion. */
  readonly value: string;
  /** `first`: before the transaction; `with-commit`: goes live with its reload; `last`: at the end. */
  readonly when: 'first' | 'with-commit' | 'last';
}

export interface ReloadStep {
  readonly kind: 'reload';
  readonly route: 'transaction';
  readonly reload: ReloadReason;
  readonly reason: string;
}

export type StepKind = Step['kind'];

export const stepKinds: readonly StepKind[] = [
  'create-map',
  'create-backend',
  'replace-backend',
  'delete-backend',
  'create-server',
  'replace-server',
  'delete-server',
  'insert-rule',
  'delete-rule',
  'set-marker',
  'bind-slot',
  'update-slot',
  'drain-slot',
  'free-slot',
  'repair-slot',
  'add-entry',
  'set-entry',
  'delete-entry',
  'reload',
];

export const reloadReasons: readonly ReloadReason[] = [
  'new-backend',
  'changed-backend',
  'removed-backend',
  'more-slots',
  'custom-servers',
  'routing-rules',
  'generation',
  'lost-reload',
];
