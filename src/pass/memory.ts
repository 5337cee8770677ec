import type { Settings } from '../config/types.js';
import { type DesiredMemory, newDesiredMemory } from '../desired/memory.js';
import type { RefusedDescriptors } from '../diff/plan/descriptors.js';
import { newPlanMemory, type PlanMemory } from '../diff/plan/memory.js';
import type { Absences, Held } from '../diff/types.js';
import type { WrittenClaims } from '../haproxy/claims-record.js';
import type { Draining } from '../actual/idle.js';
import { type Derived, newDerived } from './derived.js';
import type { Verdict } from '../rollout/types.js';
import type { Picture } from './picture.js';
import type { Refusals } from './refusals.js';
import type { Unstable } from './unstable.js';

/** What HAProxy was asked about drains that may have ended. Milliseconds. */
export interface IdleAsked {
  readonly at: number;
  /** Undefined until it has answered. */
  tookMs?: number;
  /** Which of them have ended. */
  readonly ended: Promise<Draining['slots']>;
}

/** What this process remembers about one target. All of it may be lost without harm. */
export interface TargetMemory {
  /** Removals held by the previous pass. */
  held?: Held;
  /** What was absent without a trace, and for how long. */
  absences?: Absences;
  /** By service: what HAProxy refused, until its input changes or another try is accepted. */
  rejected: Refusals;
  /** What HAProxy last refused for want of file descriptors, until it is restarted or has other limits. */
  descriptors?: RefusedDescriptors;
  /** What limited them then. */
  descriptorLimits?: string;
  /** HAProxy's process and configuration as this process left them. */
  haproxy?: string;
  unstable: Unstable;
  /** Backends whose sections the last commit wrote as text. */
  asText: readonly string[];
  /** Backends that read back otherwise when they were written as text. */
  misread: readonly string[];
  /** Last known content of the server state file. */
  serverState?: string;
  /** Time of the last reload that this process asked for, Unix milliseconds. */
  reloadedAt?: number;
  /** The last question about drains that may have ended. */
  idleAsked?: IdleAsked;
  /** The one whose answer this pass knows. */
  idleUsed?: IdleAsked;
  /** The record of claims as last written. */
  claims?: WrittenClaims;
  /** Since when nothing is left to do but servers wait for their check, and `ready` isn't said. */
  filledAt?: number;
  /** Dead transactions, of earlier processes or failed passes, were deleted. */
  cleaned: boolean;
  /** The last verdict for the roll-out, and what it was made of. */
  shown?: { readonly picture: Picture; readonly verdict: Verdict };
  /** Under which this process last wrote the marker, where there is a lock. */
  term?: number;
  /** The last pass failed, so earlier reads must not be reused. */
  failed: boolean;
  /** With the policy of its file, as last read. */
  settings?: Settings;
  /** What needn't be computed again. */
  readonly desired: DesiredMemory;
  readonly plan: PlanMemory;
  readonly derived: Derived;
  /** The last pictures, newest first. */
  pictures: readonly Picture[];
}

/** What this process remembers about Nomad. */
export interface CatalogMemory {
  /** The last read failed. */
  failed: boolean;
}

export function newTargetMemory(): TargetMemory {
  return {
    ...{ rejected: {}, unstable: {}, asText: [], misread: [] },
    ...{ cleaned: false, failed: false, pictures: [] },
    ...{ desired: newDesiredMemory(), plan: newPlanMemory(), derived: newDerived() },
  };
}

export function newCatalogMemory(): CatalogMemory {
  return { failed: false };
}

/** Whether a pass must read everything: after an error, and to confirm held removals. */
export function needsFullRead({ failed, held }: TargetMemory): boolean {
  return failed || held !== undefined;
}

const maxPictures = 8;

/** Records a successful pass. */
export function rememberPicture(memory: TargetMemory, picture: Picture): void {
  memory.failed = false;
  memory.pictures = [picture, ...memory.pictures].slice(0, maxPictures);
  if (picture.rest.held?.releasable === true) memory.held = picture.rest.held;
  else delete memory.held;
}
