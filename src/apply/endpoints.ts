import PQueue from 'p-queue';

import { expectOk } from '../actual/answers.js';
import { effectOf } from '../diff/steps.js';
import type { SlotStep } from '../diff/types.js';
import { ConnectorError } from '../shared/errors.js';
import { aborting, type ApplyContext, pathOf } from './context.js';
import { editMarkerLine, editServerLines } from './render/server-line.js';
import { saveServerState } from './state-file.js';
import type { PlannedBackend } from './render/state-file.js';

/**
 * Fills, updates, drains and frees slots, in all backends at once and without a reload: runtime
 * first where traffic must stop, then the server state, one write of the file with the runtime
 * actions beside it, and the gate. Returns the configuration's new version.
 *
 * Somebody may make HAProxy reload between any two of these. So a slot that is filled is in drain
 * until all is written and it is DOWN, and the server state says so before the file has it; HAProxy's
 * own checks bring it UP. (`PUT /runtime/backends/{backend}/servers/{name}`,
 * `POST /configuration/raw`)
 */
export async function applySlotSteps(
  context: ApplyContext,
  steps: readonly SlotStep[],
  markIndex?: number,
): Promise<number> {
  let version = context.actual.configVersion;
  if (steps.length === 0) return version;
  const gated = steps.filter((step) => step.gated);
  const leaving = steps.filter((step) => step.gated || step.slot.admin === 'drain');
  await setRuntime(context, leaving, { admin_state: 'drain' });
  const stopping = steps.filter(
    ({ kind, slot }) => effectOf(kind) === 'drain' && slot.admin === 'maint',
  );
  await setRuntime(context, stopping, { admin_state: 'maint' });
  await saveServerState(context, plannedBackends(context, steps));
  let text = editMarker(context, markIndex);
  for (let at = 0; at < steps.length; at += maxActions) {
    const some = steps.slice(at, at + maxActions);
    text = editServerLines(text, some);
    await writeText(context, text, version, some);
    version += 1;
  }
  // A server that leaves maintenance is UP, and ready: each is said in a request of its own.
  await setRuntime(context, gated, { operational_state: 'down' });
  await setRuntime(context, gated, { admin_state: 'ready' });
  return version;
}

/** A header holds the runtime actions, and a server takes no header of more than 1 MiB. */
const maxActions = 1000;

/** Nomad's index, which this write tells later processes at no cost of its own. */
function editMarker({ actual: { raw, marker } }: ApplyContext, markIndex?: number): string {
  if (markIndex === undefined || marker.onDisk === undefined) return raw;
  return editMarkerLine(raw, marker.onDisk, markIndex);
}

async function writeText(
  context: ApplyContext,
  text: string,
  version: number,
  steps: readonly SlotStep[],
): Promise<void> {
  const response = await context.client.send('POST', '/configuration/raw', {
    text,
    query: { skip_reload: true, version },
    headers: { 'X-Runtime-Actions': steps.flatMap(runtimeActions).join(';') },
    ...aborting(context),
  });
  expectOk(response, 'write server lines');
}

async function setRuntime(
  context: ApplyContext,
  steps: readonly SlotStep[],
  json: { readonly admin_state: string } | { readonly operational_state: string },
): Promise<void> {
  const queue = new PQueue({ concurrency: 4 });
  await queue.addAll(
    steps.map(({ backend, slot: { name } }) => async () => {
      const path = pathOf('runtime', 'backends', backend, 'servers', name);
      const response = await context.client.send('PUT', path, { json, ...aborting(context) });
      expectOk(response, `${Object.values(json).join()} for ${name}`);
    }),
  );
}

/** The words of `X-Runtime-Actions`, in the order in which HAProxy should hear them. */
function runtimeActions({ backend, before, slot, gated }: SlotStep): string[] {
  const { name, config } = slot;
  const admin = gated ? 'drain' : slot.admin;
  const server = `${backend} ${name}`;
  const state = `SetServerState ${server} ${admin}`;
  if (slot.admin === 'drain') return [state];
  const address = `SetServerAddr ${server} ${config.address} ${config.port}`;
  const isChecked = (config.checkPort ?? before.config.checkPort) !== undefined;
  const checkPort = `SetServerCheckPort ${server} ${config.checkPort ?? config.port}`;
  // A free slot's check port too: a pending instance's check would be the last one's until it runs.
  if (admin === 'maint') return [state, address, ...(isChecked ? [checkPort] : [])];
  return [
    address,
    ...(config.checkPort === undefined ? [] : [checkPort]),
    `SetServerWeight ${server} ${config.weight}`,
    state,
  ];
}

function plannedBackends(
  { actual }: ApplyContext,
  steps: readonly SlotStep[],
): readonly PlannedBackend[] {
  const planned = new Map(steps.map(({ slot }) => [slot.name, slot]));
  return [...new Set(steps.map(({ backend }) => backend))].map((backend) => {
    const before = actual.backends[backend];
    if (before === undefined) throw new ConnectorError('internal', `no backend ${backend}`);
    return { backend, slots: before.slots.map((slot) => planned.get(slot.name) ?? slot) };
  });
}
