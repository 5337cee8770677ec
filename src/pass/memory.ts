import type { Absences, Held } from '../diff/types.js';
import type { Catalog } from '../observe/types.js';
import type { Picture } from './picture.js';
import type { Refusals } from './refusals.js';
import type { Unstable } from './unstable.js';

/** What this process remembers of one target: hints, all of which may be lost. */
export interface TargetMemory {
  /** Removals held by the pass before. */
  held?: Held;
  /** What was absent without a trace, and for how long. */
  absences?: Absences;
  /** By service: what HAProxy refused, until its input changes or another try is accepted. */
  rejected: Refusals;
  /** Its process and configuration, as this process left them. */
  haproxy?: string;
  unstable: Unstable;
  /** What the server state file holds, as far as this process knows. */
  serverState?: string;
  /** Dead transactions, of earlier processes or failed passes, were deleted. */
  cleaned: boolean;
  /** The last pass ended in an error: nothing read before may be reused. */
  failed: boolean;
  /** The last pictures, the newest first. */
  pictures: readonly Picture[];
}

/** What it remembers of Nomad. */
export interface CatalogMemory {
  last?: Catalog;
  /** The last read ended in an error. */
  failed: boolean;
}

export function newTargetMemory(): TargetMemory {
  return { rejected: {}, unstable: {}, cleaned: false, failed: false, pictures: [] };
}

export function newCatalogMemory(): CatalogMemory {
  return { failed: false };
}

/** Whether a pass has to read everything again: after an error, and to confirm held removals. */
export function needsFullRead({ failed, held }: TargetMemory): boolean {
  return failed || held !== undefined;
}

const maxPictures = 8;

/** A pass has ended well. */
export function rememberPicture(memory: TargetMemory, picture: Picture): void {
  memory.failed = false;
  memory.pictures = [picture, ...memory.pictures].slice(0, maxPictures);
  if (picture.rest.held?.releasable === true) memory.held = picture.rest.held;
  else delete memory.held;
}
