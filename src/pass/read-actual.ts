import type { ActualState } from '../actual/types.js';
import type { Settings } from '../config/types.js';
import { repairView } from '../apply/apply.js';
import { deleteDeadTransactions } from '../apply/transaction.js';
import { keepInSlices } from '../shared/keep.js';
import { runInSlices } from '../shared/slices.js';
import { isNewInOffice, requireOffice, takeOffice } from './office.js';
import { needsFullRead } from './memory.js';
import { recoveryFrom } from './recover.js';
import type { Target } from './target.js';

/** Reads HAProxy at the start of a pass and clears what an earlier process left behind. */
export async function readActual(
  target: Target,
  settings: Settings,
  signal: AbortSignal,
): Promise<ActualState> {
  const { memory, writer } = target;
  const full = needsFullRead(memory) || isNewInOffice(target);
  // What a pass that failed left is dead only once another has written.
  const hadFailed = memory.failed;
  if (hadFailed) memory.cleaned = false;
  memory.failed = true;
  const read = await readRepaired(target, full, signal);
  const isTaken = await takeOffice(target, read, settings, signal);
  const actual = isTaken ? await readRepaired(target, false, signal) : read;
  if (writer !== undefined && !memory.cleaned) {
    await deleteDeadTransactions({ client: writer, signal }, actual.configVersion);
    memory.cleaned = !hadFailed;
  }
  return runInSlices(keepInSlices(memory.pictures[0]?.actual, actual));
}

/** A view that a failed reload left behind is repaired first. */
export async function readRepaired(
  target: Target,
  full: boolean,
  signal: AbortSignal,
): Promise<ActualState> {
  const actual = await readOrRepair(target, full, signal);
  await requireOffice(target, actual);
  return actual;
}

async function readOrRepair(
  { actual: reader, writer }: Target,
  full: boolean,
  signal: AbortSignal,
): Promise<ActualState> {
  try {
    return await reader.read({ full, signal });
  } catch (error) {
    if (recoveryFrom(error) !== 'repair-and-read' || writer === undefined) throw error;
    await repairView(writer, signal);
    return reader.read({ full: true, signal });
  }
}
