import type { DataPlaneWriter } from '../actual/dataplane-client.js';
import type { ActualState } from '../actual/types.js';
import type { Settings } from '../config/types.js';

/** What the parts of an apply share. */
export interface ApplyContext {
  readonly client: DataPlaneWriter;
  readonly settings: Settings;
  readonly actual: ActualState;
  readonly signal?: AbortSignal;
  /** Told what the server state file holds now. */
  readonly onServerState?: (content: string) => void;
}

/** The signal as an option, where there is one. */
export function aborting({ signal }: Pick<ApplyContext, 'signal'>): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

/** A path from parts, each encoded. */
export function pathOf(...parts: readonly (string | number)[]): string {
  return `/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
}
