import { basename } from 'node:path';

import { expectOk } from '../actual/answers.js';
import type { ActualState } from '../actual/types.js';
import { breathe, runInSlices, type Sliced } from '../shared/slices.js';
import { aborting, type ApplyContext, pathOf } from './context.js';
import { type PlannedBackend, renderStateFile, slotStatesInSlices } from './render/state-file.js';

/**
 * Writes the server state file through the data plane's general storage, so that HAProxy's next
 * reload or cold start knows which servers were UP. Does nothing if the operator's global section
 * names no such file; the pass reports that as degraded.
 */
export async function saveServerState(
  context: ApplyContext,
  planned: readonly PlannedBackend[],
): Promise<void> {
  const { global, backends, inherited } = context.actual;
  if (global.serverStateFile === undefined) return;
  const states = await runInSlices(slotStatesInSlices(backends, planned, inherited));
  await breathe();
  const content = renderStateFile(states);
  await breathe();
  await write(context, global.serverStateFile, content);
}

/**
 * Updates the file with what is UP now, so that a reload or restart by anyone else starts from
 * correct states.
 */
export async function refreshServerState(
  context: ApplyContext,
  known: string | undefined,
  contentOf: (backends: ActualState['backends']) => Promise<string>,
): Promise<void> {
  const { global, backends } = context.actual;
  if (global.serverStateFile === undefined) return;
  const content = await contentOf(backends);
  if (content !== known) await write(context, global.serverStateFile, content);
}

/**
 * What is UP now. A process that exits after the pass can't correct the file later, so it leaves
 * DOWN servers out: HAProxy then starts them without a state instead of refusing requests until
 * their checks pass.
 */
export function* currentStateFile(
  backends: ActualState['backends'],
  staysRunning: boolean,
): Sliced<string> {
  const states = yield* slotStatesInSlices(backends, []);
  yield;
  return renderStateFile(states.filter(({ up }) => up || staysRunning));
}

async function write(context: ApplyContext, file: string, content: string): Promise<void> {
  const name = basename(file);
  const options = { file: { name, content }, query: { skip_reload: true }, ...aborting(context) };
  const path = pathOf('storage', 'general', name);
  // Until the answer arrives, the content is unknown.
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
