import { expectOk } from '../actual/answers.js';
import { effectOf } from '../diff/steps.js';
import type { SlotStep } from '../diff/types.js';
import { ConnectorError } from '../shared/errors.js';
import { aborting, type ApplyContext, commandEach, pathOf } from './context.js';
import { editMarkerLine, editServerLines } from './render/server-line.js';
import { saveServerState } from './state-file.js';
import type { PlannedBackend } from './render/state-file.js';

/**
 * Fills, updates, drains and frees slots in all backends at once, without a reload. In order:
 * runtime changes that stop traffic; the server state file; one write of haproxy.cfg with its
 * runtime actions; the gate. Returns the configuration's new version. HAProxy may be reloaded
 * between any two of these. So a filled slot stays in drain until everything is written and it is
 * DOWN, and the state file says so before haproxy.cfg does. HAProxy's own checks bring it UP. (`PUT
 * /runtime/backends/{backend}/servers/{name}`, `POST /configuration/raw`)
 */
export async function applySlotSteps(
  context: ApplyContext,
  steps: readonly SlotStep[],
  markIndex?: number,
): Promise<number> {
  let version = context.actual.configVersion;
  if (steps.length === 0) return version;
  const gated = steps.filter((step) => step.gated);
  await stopTraffic(
    context,
    steps.filter((step) => !isStopped(context, step)),
  );
  await saveServerState(context, plannedBackends(context, steps));
  let text = editMarker(context, markIndex);
  for (let at = 0; at < steps.length; at += maxActions) {
    const some = steps.slice(at, at + maxActions);
    text = editServerLines(text, some);
    await writeText(context, text, version, some);
    version += 1;
  }
  // The health first, in one request: so its handler has it in the Data Plane API 3.0 to 3.4.
  await setRuntime(context, gated, { operational_state: 'down', admin_state: 'ready' });
  return version;
}

/** At runtime alone: no new request reaches these servers from now on. */
export async function stopTraffic(
  context: Pick<ApplyContext, 'client' | 'signal'>,
  steps: readonly SlotStep[],
): Promise<void> {
  const leaving = steps.filter((step) => step.gated || step.slot.admin === 'drain');
  await setRuntime(context, leaving, { admin_state: 'drain' });
  const stopping = steps.filter(
    ({ kind, slot }) => effectOf(kind) === 'drain' && slot.admin === 'maint',
  );
  await setRuntime(context, stopping, { admin_state: 'maint' });
}

/** No request reaches it as it is: a free server, one that waits, or one that was drained early. */
function isStopped({ actual }: ApplyContext, { backend, before, slot, gated }: SlotStep): boolean {
  const known = actual.backends[backend]?.slots.find(({ name }) => name === before.name);
  const admin = known?.runtime?.admin;
  return gated ? admin === 'maint' || admin === 'drain' : admin === slot.admin;
}

/** Runtime actions travel in a header, and Go's HTTP server limits headers to 1 MiB. */
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
  context: Pick<ApplyContext, 'client' | 'signal'>,
  steps: readonly SlotStep[],
  json: { readonly admin_state: string; readonly operational_state?: string },
): Promise<void> {
  const answers = await commandEach(context, steps, ({ backend, slot: { name } }, signal) =>
    context.client.send('PUT', pathOf('runtime', 'backends', backend, 'servers', name), {
      json,
      signal,
    }),
  );
  // One that is refused holds up no other.
  answers.forEach((response, at) =>
    expectOk(response, `${Object.values(json).join()} for ${steps[at]?.slot.name}`),
  );
}

/** The commands in `X-Runtime-Actions`, in the order HAProxy should run them. */
function runtimeActions({ backend, before, slot, gated }: SlotStep): string[] {
  const { name, config } = slot;
  const admin = gated ? 'drain' : slot.admin;
  const server = `${backend} ${name}`;
  const state = `SetServerState ${server} ${admin}`;
  if (slot.admin === 'drain') return [state];
  const address = `SetServerAddr ${server} ${config.address} ${config.port}`;
  const isChecked = (config.checkPort ?? before.config.checkPort) !== undefined;
  const checkPort = `SetServerCheckPort ${server} ${config.checkPort ?? config.port}`;
  // Also for a free slot: a pending instance would otherwise be checked on its predecessor's port.
  if (admin === 'maint') return [state, address, ...(isChecked ? [checkPort] : [])];
  const filled = [
    address,
    ...(config.checkPort === undefined ? [] : [checkPort]),
    `SetServerWeight ${server} ${config.weight}`,
  ];
  return gated ? [state, ...filled] : [...filled, state];
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
