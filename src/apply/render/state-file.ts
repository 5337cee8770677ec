import type { ActualBackend, ActualSlot } from '../../actual/types.js';
import type { PlannedSlot } from '../../diff/types.js';
import { mergedFields } from '../../haproxy/server-check.js';
import type { JsonObject } from '../../shared/json.js';
import { memoOf } from '../../shared/memo.js';
import { flatMapInSlices, runThrough, type Sliced } from '../../shared/slices.js';

/** Content of one slot's line in the server state file. */
export interface SlotState {
  readonly backend: string;
  readonly slot: Pick<PlannedSlot, 'name' | 'config'>;
  readonly up: boolean;
  /** Whether traffic is TLS. HAProxy takes this from the file too. */
  readonly ssl: boolean;
  readonly rise: number;
  readonly fall: number;
}

const header =
  '# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight ' +
  'srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state ' +
  'srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl ' +
  'srv_check_port srv_check_addr srv_agent_addr srv_agent_port';

/**
 * The file HAProxy reads at every start (`server-state-file`, management guide, "show servers
 * state", version 1). It overrides the configuration, so addresses, ports and weights are those of
 * the configuration to be loaded. Only UP or DOWN comes from the process. Slots in maintenance have
 * no line: the configuration is enough for them.
 */
export function renderStateFile(states: readonly SlotState[]): string {
  const lines = states
    .filter(({ slot }) => !slot.config.disabled)
    .map((state) => lineOf(state, () => renderLine(state)));
  return ['1', header, ...lines, ''].join('\n');
}

const lineOf = memoOf<string>();

function renderLine({ backend, slot, up, ssl, rise, fall }: SlotState): string {
  const { address, port, weight, checkPort } = slot.config;
  // Operational state 2 is running, 0 stopped. Check status 15 is L7OK with result 3, passed; 1 is
  // INI with result 0. With status 0, a server's checks never count (HAProxy 3.0, 3.2).
  const operational = up ? 2 : 0;
  const check = up ? `15 3 ${rise + fall - 1} 6` : '1 0 0 6';
  return (
    `0 ${backend} 0 ${slot.name} ${address} ${operational} 0 ${weight} ${weight} 0 ` +
    `${check} 0 0 0 - ${port} - ${ssl ? 1 : 0} ${checkPort ?? 0} - - 0`
  );
}

/**
 * All slots as they will be once `planned` is on disk. A slot that is UP and keeps its instance
 * stays UP. A new instance is DOWN until its check passes. `fromDefaults` is the `default-server` a
 * new backend inherits.
 */
export function slotStates(
  backends: Readonly<Record<string, ActualBackend>>,
  planned: readonly PlannedBackend[],
  fromDefaults?: JsonObject,
): SlotState[] {
  return runThrough(slotStatesInSlices(backends, planned, fromDefaults));
}

/** The same, backend by backend. */
export function* slotStatesInSlices(
  backends: Readonly<Record<string, ActualBackend>>,
  planned: readonly PlannedBackend[],
  fromDefaults?: JsonObject,
): Sliced<SlotState[]> {
  const plans = new Map(planned.map((one) => [one.backend, one]));
  const names = new Set([...Object.keys(backends), ...plans.keys()]);
  yield;
  return yield* flatMapInSlices([...names].sort(), (name) => {
    const [actual, plan] = [backends[name], plans.get(name)];
    const states = (): readonly SlotState[] => statesOf(name, actual, plan, fromDefaults);
    return plan === undefined ? standing(actual, states) : states();
  });
}

/** Of a backend that nothing is planned for, and that is as it was. */
const standing = memoOf<readonly SlotState[]>();

function statesOf(
  backend: string,
  actual: ActualBackend | undefined,
  plan: PlannedBackend | undefined,
  fromDefaults: JsonObject | undefined,
): readonly SlotState[] {
  const section = plan?.section ?? actual?.section ?? {};
  // Field by field: from the server, its backend, then the defaults section.
  const common = mergedFields(
    actual === undefined ? fromDefaults : actual.inherited,
    section['default_server'] ?? actual?.serverDefaults,
  );
  // Other connectors' servers go through the same reload, and read the same file.
  const foreign = actual?.foreign ?? [];
  const before = new Map([...(actual?.slots ?? []), ...foreign].map((slot) => [slot.name, slot]));
  const slots = [...(plan?.slots ?? actual?.slots ?? []), ...foreign];
  const staying = slots.filter((slot) => staysUp(before.get(slot.name), slot));
  const unchanged = staying.filter((slot) => !isRestarted(before.get(slot.name), slot));
  const known = new Set(unchanged.length > 0 ? unchanged : staying);
  return slots.map((slot) => {
    const fields = 'fields' in slot ? slot.fields : before.get(slot.name)?.fields;
    const { rise, fall, checked, ssl } = factsOf(mergedFields(common, fields));
    const servesAlready = 'servesAlready' in slot && slot.servesAlready === true;
    const up = !checked || known.has(slot) || servesAlready;
    return { backend, slot, up, ssl, rise, fall };
  });
}

/** A backend's planned slots. Without a section, its structure stays. */
export interface PlannedBackend {
  readonly backend: string;
  readonly section?: JsonObject;
  readonly slots: readonly (PlannedSlot | WrittenSlot | ActualSlot)[];
}

/** A server in an operator's backend carries its own check. */
export interface WrittenSlot extends PlannedSlot {
  readonly fields: JsonObject;
}

function staysUp(before: ActualSlot | undefined, slot: PlannedSlot | ActualSlot): boolean {
  const { runtime, binding } = before ?? {};
  const servedUntilNow =
    runtime?.admin === 'ready' ||
    (runtime?.admin === 'drain' && binding?.drainingSince !== undefined);
  return (
    servedUntilNow &&
    runtime.operational === 'up' &&
    binding?.id === slot.binding?.id &&
    runtime.address === slot.config.address &&
    runtime.port === slot.config.port
  );
}

/**
 * Restarted in place: waits for its check while others serve. Alone, HAProxy's retries are faster.
 */
function isRestarted(before: ActualSlot | undefined, slot: PlannedSlot | ActualSlot): boolean {
  return before?.binding?.createIndex !== slot.binding?.createIndex;
}

interface ServerFacts {
  readonly rise: number;
  readonly fall: number;
  readonly checked: boolean;
  readonly ssl: boolean;
}

/** HAProxy's defaults are rise 2 and fall 3 (configuration manual, 5.2). */
function factsOf({ check, rise, fall, ssl }: JsonObject): ServerFacts {
  return {
    rise: typeof rise === 'number' ? rise : 2,
    fall: typeof fall === 'number' ? fall : 3,
    checked: check === 'enabled',
    ssl: ssl === 'enabled',
  };
}
