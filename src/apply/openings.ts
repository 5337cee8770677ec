import type { ActualBackend, ActualState } from '../actual/types.js';
import type { OpenServer } from '../diff/types.js';
import { type ApplyContext, commandEach, pathOf } from './context.js';

/**
 * Sets servers UP whose check has passed (`PUT /runtime/backends/{backend}/servers/{name}`, which is
 * `set server ... health up`). Returns HAProxy's state as it is then, so that a state file written
 * next has them UP. HAProxy's own check goes on, and takes a server DOWN after `fall` failures.
 */
export async function openServers(
  context: ApplyContext,
  steps: readonly OpenServer[],
): Promise<ActualState> {
  const { actual, client, hasPassed } = context;
  const opened = new Set<string>();
  const open = async ({ backend, key, server }: OpenServer, signal: AbortSignal): Promise<void> => {
    // It has failed since: that is between this instance and its check, and holds up nobody else.
    if (hasPassed?.(key) !== true) return;
    const path = pathOf('runtime', 'backends', backend, 'servers', server);
    const json = { operational_state: 'up' };
    const { status } = await client.send('PUT', path, { json, signal });
    // Refused: it waits for HAProxy's own check, as it would without the connector's.
    if (status < 300) opened.add(server);
  };
  await commandEach(context, steps, open);
  return opened.size === 0 ? actual : withOpened(actual, opened);
}

function withOpened(actual: ActualState, opened: ReadonlySet<string>): ActualState {
  const withOpen = (backend: ActualBackend): ActualBackend => ({
    ...backend,
    slots: backend.slots.map((slot) =>
      slot.runtime !== undefined && opened.has(slot.name)
        ? { ...slot, runtime: { ...slot.runtime, operational: 'up' } }
        : slot,
    ),
  });
  const backends = Object.entries(actual.backends).map(([name, one]) => [name, withOpen(one)]);
  return { ...actual, backends: Object.fromEntries(backends) as ActualState['backends'] };
}
