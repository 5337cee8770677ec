import PQueue from 'p-queue';

import type { DataPlaneWriter } from '../actual/dataplane-client.js';
import type { ActualState } from '../actual/types.js';
import type { Settings } from '../config/types.js';
import { mapQueued, never } from '../shared/concurrent.js';

/** Shared by all parts of an apply. */
export interface ApplyContext {
  readonly client: DataPlaneWriter;
  readonly settings: Settings;
  readonly actual: ActualState;
  readonly signal?: AbortSignal;
  /** Of the leader, where there is a lock. */
  readonly term?: number;
  /** Backends whose sections the Data Plane API must write: as our text they read back otherwise. */
  readonly misread?: readonly string[];
  /** Whether the check of a probe, by its key, passes at this moment. */
  readonly hasPassed?: (key: string) => boolean;
  /** Called with the new content of the server state file. */
  readonly onServerState?: (content: string) => void;
}

/** What a written marker says of the leader. */
export function termOf({ term }: ApplyContext): { term?: number } {
  return term === undefined ? {} : { term };
}

/** Runtime commands under way. HAProxy takes one at a time. */
const atOnce = 4;

/**
 * Sends a runtime command for each. After one without an answer none follows, and none is under way when
 * that is thrown: by the next pass, their servers may have other instances.
 */
export function commandEach<In, Out>(
  { signal = never }: Pick<ApplyContext, 'signal'>,
  items: readonly In[],
  send: (item: In, signal: AbortSignal) => Promise<Out>,
): Promise<Out[]> {
  return mapQueued(new PQueue({ concurrency: atOnce }), items, signal, send);
}

/** The signal as a request option, if there is one. */
export function aborting({ signal }: Pick<ApplyContext, 'signal'>): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

/** Joins URL-encoded parts into a path. */
export function pathOf(...parts: readonly (string | number)[]): string {
  return `/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
}
