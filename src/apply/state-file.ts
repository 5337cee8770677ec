import { basename } from 'node:path';

import { expectOk } from '../actual/answers.js';
import { aborting, type ApplyContext, pathOf } from './context.js';
import { type PlannedBackend, renderStateFile, slotStates } from './render/state-file.js';

/**
 * Writes the server state file through the data plane's general storage, so that the next start of
 * HAProxy, by reload or cold, knows who was UP. Nothing to do where the operator's global section
 * names none: then a reload forgets, which the pass reports as degraded.
 */
export async function saveServerState(
  context: ApplyContext,
  planned: readonly PlannedBackend[],
): Promise<void> {
  const { global, backends, inherited } = context.actual;
  if (global.serverStateFile === undefined) return;
  const states = slotStates(backends, planned, inherited);
  await write(context, global.serverStateFile, renderStateFile(states));
}

/**
 * Brings the file up to date with who is UP now, so that a reload or restart by anyone else starts
 * with the truth. A process that won't be there to correct it leaves the DOWN ones out: HAProxy then
 * starts them as if it knew nothing, rather than refuse requests until their checks have passed.
 */
export async function refreshServerState(
  context: ApplyContext,
  known: string | undefined,
  staysRunning: boolean,
): Promise<void> {
  const { global, backends } = context.actual;
  if (global.serverStateFile === undefined) return;
  const states = slotStates(backends, []).filter(({ up }) => up || staysRunning);
  const content = renderStateFile(states);
  if (content !== known) await write(context, global.serverStateFile, content);
}

async function write(context: ApplyContext, file: string, content: string): Promise<void> {
  const name = basename(file);
  const options = { file: { name, content }, query: { skip_reload: true }, ...aborting(context) };
  const path = pathOf('storage', 'general', name);
  // Until the answer is there nobody knows what it holds.
  context.onServerState?.('');
  const response = await context.client.send('PUT', path, options);
  if (response.status === 404) {
    const created = await context.client.send('POST', '/storage/general', options);
    expectOk(created, 'create the server state file');
  } else {
    expectOk(response, 'save the server state');
  }
  context.onServerState?.(content);
}
