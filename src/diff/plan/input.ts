import type { ActualState } from '../../actual/types.js';
import type { Settings } from '../../config/types.js';
import type { DesiredState } from '../../desired/types.js';
import type { Catalog } from '../../observe/types.js';
import type { RefusedDescriptors } from './descriptors.js';
import type { Absences, Held } from '../types.js';

export interface PlanInput {
  readonly catalog: Pick<Catalog, 'index' | 'allocations' | 'missing' | 'trust'>;
  readonly desired: DesiredState;
  readonly actual: ActualState;
  readonly settings: Settings;
  /** Unix seconds. */
  readonly now: number;
  /** Names of draining slots with no request in flight. */
  readonly idle: ReadonlySet<string>;
  /** Namespaces missing from the catalog that may still exist in Nomad. */
  readonly hidden: readonly string[];
  /** Instances that Nomad has no more, and whose job it lists as stopped or purged. */
  readonly ended?: readonly string[];
  /** A reload has to wait, so no backend is resized only because HAProxy reloads anyway. */
  readonly reloadWaits?: boolean;
  /** Removals that an earlier full read would have made too. */
  readonly confirms?: Held;
  /** What earlier passes missed without a trace. */
  readonly absences?: Absences;
  /** What HAProxy last refused for want of file descriptors. */
  readonly refused?: RefusedDescriptors;
  /** Unix milliseconds; `now` in seconds, if left out. */
  readonly nowMs?: number;
  /** Keys of probes whose check has just passed, often enough in a row. */
  readonly passed?: ReadonlySet<string>;
  /** Backends that came back other than they were written: left alone until either side changes. */
  readonly unstable: Readonly<Record<string, string>>;
}
