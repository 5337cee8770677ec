import type { DataPlaneWriter } from '../actual/dataplane-client.js';
import type { ActualState } from '../actual/types.js';
import type { ApplyContext } from '../apply/context.js';
import type { Settings } from '../config/types.js';
import type { Catalog } from '../observe/types.js';
import type { RouteFiles } from '../routes/folder.js';
import type { Timed } from './stopwatch.js';
import type { Target } from './target.js';

/** What all passes of a process share. */
export interface Surroundings {
  readonly settings: Settings;
  /** This process goes on after the pass: a daemon. */
  readonly staysRunning: boolean;
  readonly routeFiles: () => RouteFiles;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** One pass over one target. */
export interface PassContext extends Surroundings {
  readonly target: Target;
  readonly catalog: Catalog;
  /** Namespaces that are not in the catalog and that Nomad may still have. */
  readonly hidden: readonly string[];
  /** Services of HAProxy's that Nomad lacks, and whose job it lists as stopped. */
  readonly stopped: readonly string[];
  /** Unix milliseconds: one read of Nomad is of one moment, however long the pass takes. */
  readonly readAt: number;
  readonly timed: Timed;
  readonly signal: AbortSignal;
}

/** One that may write. */
export interface WritingContext extends PassContext {
  readonly writer: DataPlaneWriter;
}

export function applyContext(
  { writer, settings, signal, target }: WritingContext,
  actual: ActualState,
): ApplyContext {
  return {
    client: writer,
    actual,
    settings,
    signal,
    onServerState: (content) => (target.memory.serverState = content),
  };
}
