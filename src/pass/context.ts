import type { DataPlaneWriter } from '../actual/dataplane-client.js';
import type { ActualState } from '../actual/types.js';
import type { ApplyContext } from '../apply/context.js';
import type { PolicySettings } from '../config/policy.js';
import type { Settings } from '../config/types.js';
import type { OwnEndpoint } from '../haproxy/own-endpoints.js';
import type { Office } from '../leader/office.js';
import type { Catalog } from '../observe/types.js';
import type { Rejection } from '../desired/types.js';
import type { Rollout } from '../rollout/rollout.js';
import type { RouteFiles } from '../routes/folder.js';
import type { Approval } from './approval.js';
import type { Occasion } from './occasion.js';
import type { Written } from './picture.js';
import type { Timed } from './stopwatch.js';
import type { Target } from './target.js';

/** Shared by all passes of a process. */
export interface Surroundings {
  readonly settings: Settings;
  /** The process keeps running after the pass (daemon). */
  readonly staysRunning: boolean;
  readonly routeFiles: () => RouteFiles;
  /** Absent: as in the settings. */
  readonly policy?: () => PolicySettings;
  /** Where the connector and what it talks to listen. */
  readonly endpoints?: () => Promise<readonly OwnEndpoint[]>;
  /** Keys of a target's probes whose check passes at this moment. */
  readonly passed?: (target: string) => ReadonlySet<string>;
  /** Called before the pass ends: what servers now wait for can begin. */
  readonly onWritten?: (written: Written) => void;
  /** Undefined: another holds the lock. Absent: there is none. */
  readonly office?: () => Office | undefined;
  /** The order over several HAProxies. Absent: there is one. */
  readonly rollout?: Rollout;
  /** A saved plan: the pass applies it or fails. */
  readonly approval?: Approval;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Context of one pass over one target. */
export interface PassContext extends Surroundings {
  readonly target: Target;
  readonly catalog: Catalog;
  /** Namespaces missing from the catalog that may still exist in Nomad. */
  readonly hidden: readonly string[];
  /** Instances of HAProxy's that Nomad lacks and whose job it lists as stopped or purged. */
  readonly ended: readonly string[];
  /** Unix milliseconds: one read of Nomad is of one moment, however long the pass takes. */
  readonly readAt: number;
  readonly occasion: Occasion;
  /** Services that stay as they are, by service: others refused them, or their turn is yet to come. */
  readonly apart?: Readonly<Record<string, Rejection>>;
  /** What waits for its turn was left out. */
  readonly isPart?: true;
  /** A look after a write of this pass. */
  readonly looksBack?: true;
  /** No reload before the turn. */
  readonly mayNotReload?: true;
  readonly timed: Timed;
  readonly signal: AbortSignal;
}

/** Context of a pass that can write. */
export interface WritingContext extends PassContext {
  readonly writer: DataPlaneWriter;
}

export function applyContext(
  { writer, settings, signal, target, passed }: WritingContext,
  actual: ActualState,
): ApplyContext {
  return {
    client: writer,
    actual,
    settings,
    signal,
    ...(target.office === undefined ? {} : { term: target.office.term }),
    misread: target.memory.misread,
    hasPassed: (key) => passed?.(target.name).has(key) === true,
    onServerState: (content) => (target.memory.serverState = content),
  };
}
