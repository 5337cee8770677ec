import { expectNamed, expectObject, expectOk, malformed } from '../actual/answers.js';
import { requireTypes } from '../actual/sections.js';
import type { DataPlaneResponse, WriteOptions } from '../actual/dataplane-client.js';
import type { Settings } from '../config/types.js';
import { connectorBackendName } from '../haproxy/names.js';
import { byKind, type HandlersOf } from '../diff/dispatch.js';
import type { KindsOn } from '../diff/steps.js';
import type { TransactionStep } from '../diff/types.js';
import { textAt } from '../shared/json.js';
import { aborting, type ApplyContext, pathOf, termOf } from './context.js';
import { type SectionContext, sectionJson, serverJson } from './render/backend-json.js';

export interface Transaction extends SectionContext {
  readonly id: string;
  send(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    options?: WriteOptions,
  ): Promise<DataPlaneResponse>;
}

/** The request that makes the edit; none where the commit itself does what the step asks for. */
const executors: HandlersOf<
  KindsOn<'transaction'>,
  Promise<DataPlaneResponse> | undefined,
  [tx: Transaction, settings: Settings]
> = {
  'create-backend': (step, tx, settings) =>
    tx.send('POST', '/configuration/backends', {
      query: { full_section: true },
      json: sectionJson(step, tx, settings),
    }),
  'replace-backend': (step, tx, settings) =>
    tx.send('PUT', pathOf('configuration', 'backends', step.backend), {
      query: { full_section: true },
      json: sectionJson(step, tx, settings),
    }),
  'delete-backend': ({ backend }, tx) =>
    tx.send('DELETE', pathOf('configuration', 'backends', backend)),
  'create-server': ({ backend, slot, fields }, tx) =>
    tx.send('POST', pathOf('configuration', 'backends', backend, 'servers'), {
      json: serverJson(slot, fields),
    }),
  'replace-server': ({ backend, slot, fields }, tx) =>
    tx.send('PUT', pathOf('configuration', 'backends', backend, 'servers', slot.name), {
      json: serverJson(slot, fields),
    }),
  'delete-server': ({ backend, before }, tx) =>
    tx.send('DELETE', pathOf('configuration', 'backends', backend, 'servers', before.name)),
  'insert-rule': ({ frontend, list, index, rule }, tx) =>
    tx.send('POST', pathOf('configuration', 'frontends', frontend, list, index), { json: rule }),
  'delete-rule': ({ frontend, list, index }, tx) =>
    tx.send('DELETE', pathOf('configuration', 'frontends', frontend, list, index)),
  'set-marker': (step, tx, settings) => {
    const name = connectorBackendName(settings.ownership.prefix);
    const path = pathOf('configuration', 'backends', ...(step.exists ? [name] : []));
    return tx.send(step.exists ? 'PUT' : 'POST', path, {
      query: { full_section: true },
      json: sectionJson(step, tx, settings),
    });
  },
  reload: () => undefined,
};

/** One edit after the other: the indexes of rules depend on those before. */
export async function execute(
  tx: Transaction,
  steps: readonly TransactionStep[],
  settings: Settings,
): Promise<void> {
  for (const step of steps) {
    const response = await byKind(step, executors, tx, settings);
    if (response !== undefined) expectOk(response, `${step.kind}: ${step.reason}`);
  }
}

/**
 * All structural steps in one transaction, committed with a forced reload whose verdict is awaited
 * (`PUT /transactions/{id}?force_reload=true`). `beforeCommit` runs when every edit was taken. On
 * any failure the transaction is deleted, so that none is left open.
 */
export async function commitStructural(
  context: ApplyContext,
  version: number,
  steps: readonly TransactionStep[],
  beforeCommit: () => Promise<void>,
): Promise<void> {
  const tx = await openTransaction(context, version);
  try {
    await execute(tx, steps, context.settings);
    await beforeCommit();
    const response = await context.client.send('PUT', pathOf('transactions', tx.id), {
      query: { force_reload: true },
      ...aborting(context),
    });
    expectOk(response, 'commit');
  } catch (error) {
    await discard(context, tx.id);
    throw error;
  }
}

export async function openTransaction(
  context: ApplyContext,
  version: number,
): Promise<Transaction> {
  const { client } = context;
  const open = (): Promise<DataPlaneResponse> =>
    client.send('POST', '/transactions', { query: { version }, ...aborting(context) });
  let response = await open();
  // As many as there may be are open, of writers that ended before they closed theirs. Our commit
  // would outdate them all, so they are deleted now rather than after it.
  if (response.status === 429 && (await deleteDeadTransactions(context, version + 1)) > 0) {
    response = await open();
  }
  const id = textAt(expectObject(response, 'open a transaction'), 'id');
  if (id === '') throw malformed('open a transaction', 'object');
  return {
    id,
    generation: version + 1,
    ...termOf(context),
    from: context.actual.defaults === undefined ? {} : { from: context.actual.defaults },
    send: (method, path, options = {}) =>
      client.send(method, path, {
        ...options,
        query: { ...options.query, transaction_id: id },
        ...aborting(context),
      }),
  };
}

/** Without the pass's signal: a stop must not leave it open. Its own failure changes nothing. */
export async function discard({ client }: ApplyContext, id: string): Promise<void> {
  await client.send('DELETE', pathOf('transactions', id)).catch(() => undefined);
}

/**
 * Deletes transactions that can never be committed: failed ones, and those that were opened on an
 * older version. They outlive a killed writer, and the Data Plane API allows only 20 to be open.
 */
export async function deleteDeadTransactions(
  { client, signal }: Pick<ApplyContext, 'client' | 'signal'>,
  version: number,
): Promise<number> {
  const response = await client.get('/transactions', aborting(signal ? { signal } : {}));
  const what = 'list transactions';
  const dead = requireTypes(expectNamed(response, what, 'id'), 'transaction', what).filter(
    ({ status, _version: at }) =>
      status === 'failed' ||
      status === 'outdated' ||
      // One without a version was never begun: there was no room on the disk for its file.
      (status === 'in_progress' && (typeof at === 'number' ? at : 0) < version),
  );
  for (const transaction of dead) {
    await client.send('DELETE', pathOf('transactions', textAt(transaction, 'id')));
  }
  return dead.length;
}
