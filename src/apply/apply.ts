import { expectOk } from '../actual/answers.js';
import type { DataPlaneWriter } from '../actual/dataplane-client.js';
import type {
  CreateMap,
  EntryStep,
  Plan,
  ReloadStep,
  SlotStep,
  Step,
  StructuralStep,
} from '../diff/types.js';
import { bulkFrom, commitBulk, isCreate } from './bulk.js';
import { aborting, type ApplyContext } from './context.js';
import { applySlotSteps } from './endpoints.js';
import { applyEntry, createMap, writeMapFiles } from './maps.js';
import { saveServerState } from './state-file.js';
import type { PlannedBackend, WrittenSlot } from './render/state-file.js';
import { commitStructural } from './transaction.js';

export interface ApplyResult {
  /** Only what must exist before the rest can be planned was made: plan again. */
  readonly prepared: boolean;
  readonly reloaded: boolean;
}

/**
 * HAProxy out. In order: maps that must exist; entries that leave; slots, without a reload; all that
 * is structural, in one commit with its reload's verdict; entries that come.
 */
export async function apply(context: ApplyContext, plan: Plan): Promise<ApplyResult> {
  const steps = plan.steps;
  const missing = steps.filter(isCreateMap);
  if (missing.length > 0) {
    for (const step of missing) await createMap(context, step);
    return { prepared: true, reloaded: false };
  }
  const entries = steps.filter(isEntry);
  await applyEntries(context, entries, 'first');
  const slots = steps.filter(isSlot);
  const version = await applySlotSteps(context, slots);
  const structural = steps.filter(isStructural);
  if (structural.length > 0) await commit(context, version, structural, slots, entries);
  await applyEntries(context, entries, 'last');
  return { prepared: false, reloaded: structural.length > 0 };
}

function isCreateMap(step: Step): step is CreateMap {
  return step.kind === 'create-map';
}

function isEntry(step: Step): step is EntryStep {
  return step.route === 'runtime';
}

function isSlot(step: Step): step is SlotStep {
  return step.route === 'no-reload';
}

function isStructural(step: Step): step is StructuralStep | ReloadStep {
  return step.route === 'transaction';
}

async function applyEntries(
  context: ApplyContext,
  entries: readonly EntryStep[],
  when: EntryStep['when'],
): Promise<void> {
  for (const step of entries) if (step.when === when) await applyEntry(context, step);
}

async function commit(
  context: ApplyContext,
  version: number,
  structural: readonly (StructuralStep | ReloadStep)[],
  slots: readonly SlotStep[],
  entries: readonly EntryStep[],
): Promise<void> {
  let undo = async (): Promise<void> => {};
  const prepare = async (): Promise<void> => {
    const together = entries.filter(({ when }) => when === 'with-commit');
    undo = await writeMapFiles(context, together);
    await saveServerState(context, plannedBackends(context, structural, slots));
  };
  const many = structural.filter(isCreate).length >= bulkFrom;
  try {
    await (many ? commitBulk : commitStructural)(context, version, structural, prepare);
  } catch (error) {
    await undo();
    throw error;
  }
}

/** Every backend that this pass changed, as the configuration to be loaded has it. */
function plannedBackends(
  { actual }: ApplyContext,
  structural: readonly (StructuralStep | ReloadStep)[],
  slotSteps: readonly SlotStep[],
): readonly PlannedBackend[] {
  const bySlot = new Map(slotSteps.map(({ slot }) => [slot.name, slot]));
  const planned = new Map<string, PlannedBackend>();
  for (const backend of Object.values(actual.backends)) {
    if (backend.slots.length === 0) continue;
    const slots = backend.slots.map((slot) => bySlot.get(slot.name) ?? slot);
    planned.set(backend.name, { backend: backend.name, slots });
  }
  for (const step of structural) {
    if (step.kind === 'delete-backend')
      planned.set(step.backend, { backend: step.backend, slots: [] });
    if (step.kind === 'create-backend' || step.kind === 'replace-backend') {
      const { backend, section, slots } = step;
      planned.set(backend, { backend, section, slots });
    }
    if (step.kind === 'create-server' || step.kind === 'replace-server') {
      const { backend, slot, fields } = step;
      putServer(planned, backend, slot.name, { ...slot, fields });
    }
    if (step.kind === 'delete-server') putServer(planned, step.backend, step.before.name);
  }
  return [...planned.values()];
}

/** One server in the operator's backend: new, as it is written again, or gone. */
function putServer(
  planned: Map<string, PlannedBackend>,
  backend: string,
  name: string,
  written?: WrittenSlot,
): void {
  const others = (planned.get(backend)?.slots ?? []).filter((slot) => slot.name !== name);
  planned.set(backend, { backend, slots: written ? [...others, written] : others });
}

/**
 * After a failed reload the file is the last good one, but the Data Plane API's own view keeps the
 * failed configuration and refuses the next commits. Posting the file back mends the view
 * (`POST /configuration/raw?skip_reload=true`).
 */
export async function repairView(client: DataPlaneWriter, signal?: AbortSignal): Promise<void> {
  const options = aborting(signal ? { signal } : {});
  const raw = expectOk(await client.get('/configuration/raw', options), 'read the configuration');
  const response = await client.send('POST', '/configuration/raw', {
    text: String(raw.body),
    query: { skip_reload: true, version: raw.version ?? 0 },
    ...options,
  });
  expectOk(response, 'repair the view of the Data Plane API');
}
