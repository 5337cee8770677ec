import type { ActualSlot, OtherServer } from '../../actual/types.js';
import type { SyncPolicy } from '../../config/types.js';
import type { DesiredBackend } from '../../desired/types.js';
import { isObject, type JsonObject } from '../../shared/json.js';
import type { CheckEntries, CheckFiles } from '../complete/check-lookups.js';
import type { Entries } from './entries.js';
import { beforeOf } from './slot-steps.js';
import type { SlotsInput } from './slots.js';
import type { DeleteBackend, DeleteServer, PlannedSlot, Step } from '../types.js';

export interface BackendContext {
  readonly slots: Pick<
    SlotsInput,
    'held' | 'isGone' | 'mayRun' | 'idle' | 'now' | 'drainTimeoutSeconds' | 'settings'
  >;
  /** The most servers of a service, by service, where HAProxy can't hold all spares. */
  readonly sizes: Readonly<Record<string, number>>;
  /** The pass reloads HAProxy anyway, so backends can be resized for free. */
  readonly reloadsAnyway: boolean;
  readonly policy: SyncPolicy;
  /** What `sync.policy` keeps although nothing wants it. */
  readonly isHeld: (removal: DeleteBackend | DeleteServer) => boolean;
  /** `--adopt`: what to take over from the original connector. */
  readonly adopt: boolean;
  /** Servers of the backend that this one replaces. */
  readonly replaced: (service: string) => readonly OtherServer[];
  readonly checkFiles: CheckFiles;
  readonly checkEntries: CheckEntries;
  readonly canaryFile: string;
  readonly canaryEntries: Entries;
  /** The operator's `peers` section that rate limits are kept in. */
  readonly peers: string | undefined;
}

export interface BackendPlan {
  /** Instances that stay bound. */
  readonly staying: readonly string[];
  readonly steps: readonly Step[];
  /** Input of the generation marker's hash. */
  readonly structure: JsonObject;
  /** Entries of the check maps, by server name. */
  readonly checks: CheckEntries;
  /** Entries of the map of canaries; undefined if there are no lookups. */
  readonly canaries?: Entries | undefined;
}

export function stayingIds({ endpoints }: DesiredBackend): readonly string[] {
  return endpoints.filter(({ phase }) => phase !== 'drain').map(({ id }) => id);
}

export function slotsInput(
  desired: DesiredBackend,
  slots: readonly ActualSlot[],
  context: BackendContext,
  how: Pick<SlotsInput, 'structural' | 'sticky'>,
): SlotsInput {
  const { held, isGone, mayRun, idle, now, drainTimeoutSeconds, settings } = context.slots;
  const most = context.sizes[desired.service];
  // One literal: V8 makes a slow dictionary of a large object that is spread together.
  return {
    prefix: desired.slotPrefix,
    service: desired.service,
    slots,
    endpoints: desired.endpoints,
    expected: desired.expected,
    scalesTo: desired.scalesTo,
    hasCheck: desired.hasCheck,
    sticky: how.sticky,
    keepCheck: desired.keepCheck,
    held,
    isGone,
    mayRun,
    idle,
    now,
    drainTimeoutSeconds,
    settings: most === undefined ? settings : { ...settings, most },
    structural: how.structural,
  };
}

/** Only slot names count, because their contents change without a reload. */
export function structureOf(
  name: string,
  section: JsonObject,
  slots: readonly PlannedSlot[],
): JsonObject {
  return { name, section, slots: slots.map((slot) => slot.name) };
}

export function deletion(backend: string, slot: ActualSlot): Step {
  return {
    kind: 'delete-server',
    route: 'transaction',
    reload: 'custom-servers',
    reason: `servers of ${slot.service} in backend ${backend}`,
    backend,
    before: beforeOf(slot),
    service: slot.service,
  };
}

export function hasCheck(section: JsonObject): boolean {
  const server = section['default_server'];
  return isObject(server) && server['check'] === 'enabled';
}
