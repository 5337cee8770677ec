import { expectConfiguration, expectOk } from '../actual/answers.js';
import type { DataPlaneWriter } from '../actual/dataplane-client.js';
import {
  byKind,
  type HandlersOf,
  isAboutMap,
  isEntryStep,
  isMapWrite,
  isNewMap,
  isOpening,
  isSectionStep,
  isSlotStep,
  isStructural,
} from '../diff/dispatch.js';
import type { KindsOn } from '../diff/steps.js';
import type {
  CreateBackend,
  CreateServer,
  EntryStep,
  Plan,
  ReplaceBackend,
  ReplaceServer,
  SlotStep,
  Step,
  TransactionStep,
  WriteMap,
} from '../diff/types.js';
import { asConnectorError, type ErrorCode } from '../shared/errors.js';
import { bulkFrom, commitBulk } from './bulk.js';
import { aborting, type ApplyContext } from './context.js';
import { applySlotSteps } from './endpoints.js';
import { applyEntries, createMap, writeMap, writeMapFiles } from './maps.js';
import { openServers } from './openings.js';
import { saveServerState } from './state-file.js';
import type { PlannedBackend, WrittenSlot } from './render/state-file.js';
import { commitStructural } from './transaction.js';

export interface ApplyResult {
  /** Only the prerequisites were created: plan again. */
  readonly prepared: boolean;
  readonly reloaded: boolean;
  /** Backends whose sections were edited as text. */
  readonly asText: readonly string[];
}

/** The maps that a plan changes. */
export function mapsOf({ steps }: Plan): readonly string[] {
  return [...new Set(steps.filter(isAboutMap).map(({ map }) => map))];
}

/**
 * Applies a plan, in this order: maps that must exist; servers whose check passed; files that differ
 * from the process; removed entries; slots, without a reload; all structural steps in one commit,
 * awaiting the reload's result; new entries; the record of removed entries.
 */
export async function apply(given: ApplyContext, plan: Plan): Promise<ApplyResult> {
  const steps = plan.steps;
  const missing = steps.filter(isNewMap);
  if (missing.length > 0) {
    for (const step of missing) await createMap(given, step);
    return { prepared: true, reloaded: false, asText: [] };
  }
  const context = { ...given, actual: await openServers(given, steps.filter(isOpening)) };
  const files = steps.filter(isMapWrite);
  await writeMaps(context, files, 'first');
  const entries = steps.filter(isEntryStep);
  await applyEntries(context, entries, 'first');
  const slots = steps.filter(isSlotStep);
  const version = await applySlotSteps(context, slots, plan.markIndex);
  const structural = steps.filter(isStructural);
  const asText = await commit(context, version, structural, slots, entries);
  await applyEntries(context, entries, 'last');
  await writeMaps(context, files, 'last');
  return { prepared: false, reloaded: structural.length > 0, asText };
}

async function writeMaps(
  context: ApplyContext,
  files: readonly WriteMap[],
  when: WriteMap['when'],
): Promise<void> {
  for (const step of files) if (step.when === when) await writeMap(context, step);
}

async function commit(
  context: ApplyContext,
  version: number,
  structural: readonly TransactionStep[],
  slots: readonly SlotStep[],
  entries: readonly EntryStep[],
): Promise<readonly string[]> {
  if (structural.length === 0) return [];
  const undo: (() => Promise<void>)[] = [];
  let isSent = false;
  const prepare = async (): Promise<void> => {
    const together = entries.filter(({ when }) => when === 'with-commit');
    await writeMapFiles(context, together, undo);
    await saveServerState(context, plannedBackends(context, structural, slots));
    isSent = true;
  };
  const many = structural.filter(isSectionStep).length >= bulkFrom;
  try {
    if (many) return await commitBulk(context, version, structural, prepare);
    await commitStructural(context, version, structural, prepare);
    return [];
  } catch (error) {
    // Without an answer, HAProxy may have loaded these files. Only a new read can tell.
    if (!isSent || isRefusal(error)) for (const restore of undo) await restore();
    throw error;
  }
}

/** The Data Plane API reported that the configuration is not in force. */
function isRefusal(error: unknown): boolean {
  return refusals.has(asConnectorError(error).code);
}

const refusals: ReadonlySet<ErrorCode> = new Set([
  'haproxy-conflict',
  'haproxy-rejected',
  'haproxy-refused',
  'haproxy-reload-failed',
]);

/** Every backend this pass changes, as it will be in the configuration to load. */
function plannedBackends(
  { actual }: ApplyContext,
  structural: readonly TransactionStep[],
  slotSteps: readonly SlotStep[],
): readonly PlannedBackend[] {
  const bySlot = new Map(slotSteps.map(({ slot }) => [slot.name, slot]));
  const changed = new Set([...slotSteps, ...structural].flatMap(backendsOf));
  const planned = new Map<string, PlannedBackend>();
  for (const name of changed) {
    const slots = actual.backends[name]?.slots.map((slot) => bySlot.get(slot.name) ?? slot);
    if (slots !== undefined) planned.set(name, { backend: name, slots });
  }
  for (const step of structural) byKind(step, planners, planned);
  return [...planned.values()];
}

function backendsOf(step: Step): readonly string[] {
  return 'backend' in step ? [step.backend] : [];
}

type Planned = Map<string, PlannedBackend>;

/** Applies each structural step to the servers that will be loaded. */
const planners: HandlersOf<KindsOn<'transaction'>, void, [Planned]> = {
  'create-backend': putBackend,
  'replace-backend': putBackend,
  'delete-backend': ({ backend }, planned) => planned.set(backend, { backend, slots: [] }),
  'create-server': putWritten,
  'replace-server': putWritten,
  'delete-server': ({ backend, before }, planned) => putServer(planned, backend, before.name),
  'insert-rule': leavesServersAlone,
  'delete-rule': leavesServersAlone,
  'set-marker': leavesServersAlone,
  reload: leavesServersAlone,
};

function leavesServersAlone(): void {}

function putBackend(
  { backend, section, slots }: CreateBackend | ReplaceBackend,
  planned: Planned,
): void {
  planned.set(backend, { backend, section, slots });
}

function putWritten(
  { backend, slot, fields }: CreateServer | ReplaceServer,
  planned: Planned,
): void {
  putServer(planned, backend, slot.name, { ...slot, fields });
}

/** One server in an operator's backend: new, rewritten or removed. */
function putServer(planned: Planned, backend: string, name: string, written?: WrittenSlot): void {
  const others = (planned.get(backend)?.slots ?? []).filter((slot) => slot.name !== name);
  planned.set(backend, { backend, slots: written ? [...others, written] : others });
}

/**
 * After a failed reload, the file is the last good one, but the Data Plane API still holds the
 * failed configuration and refuses further commits. Posting the file back fixes that (`POST
 * /configuration/raw?skip_reload=true`).
 */
export async function repairView(client: DataPlaneWriter, signal?: AbortSignal): Promise<void> {
  const options = aborting(signal ? { signal } : {});
  const raw = await client.get('/configuration/raw', options);
  const text = expectConfiguration(raw, 'read the configuration');
  const response = await client.send('POST', '/configuration/raw', {
    text,
    query: { skip_reload: true, version: raw.version ?? 0 },
    ...options,
  });
  expectOk(response, "repair the Data Plane API's view");
}
