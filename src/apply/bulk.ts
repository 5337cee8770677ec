import PQueue from 'p-queue';

import { expectConfiguration, expectOk } from '../actual/answers.js';
import { isNewBackend } from '../diff/dispatch.js';
import type { CreateBackend, TransactionStep } from '../diff/types.js';
import { mapQueued } from '../shared/concurrent.js';
import { aborting, type ApplyContext } from './context.js';
import { appendSections, sectionsOf } from './render/sections.js';
import { discard, execute, openTransaction } from './transaction.js';

/**
 * Each edit in a transaction rewrites the whole file, so N new backends cost O(N²). From this
 * number on, they are rendered a few at a time.
 */
export const bulkFrom = 200;

/** New backends per transaction. */
const batchSize = 20;

/** Transactions in parallel. The Data Plane API allows 20. */
const transactions = 4;

/**
 * Writes all structural steps as one whole file with a forced reload, for passes with many new
 * backends. The Data Plane API renders the sections in transactions that are never committed (`GET
 * /configuration/raw?transaction_id=`): a few backends in each, all other steps in a last one. If
 * another writer commits in between, the write is a conflict (`POST /configuration/raw?version=`).
 */
export async function commitBulk(
  context: ApplyContext,
  version: number,
  steps: readonly TransactionStep[],
  beforeCommit: () => Promise<void>,
): Promise<void> {
  const created = steps.filter(isNewBackend);
  const others = steps.filter((step) => !isNewBackend(step));
  const signal = context.signal ?? new AbortController().signal;
  const queue = new PQueue({ concurrency: transactions });
  const sections = await mapQueued(queue, batchesOf(created), signal, async (batch, scope) => {
    const text = await render({ ...context, signal: scope }, version, batch);
    return sectionsOf(text, new Set(batch.map(({ backend }) => backend)));
  });
  const text = appendSections(await render(context, version, others), sections.flat());
  await beforeCommit();
  const response = await context.client.send('POST', '/configuration/raw', {
    text,
    query: { force_reload: true, version },
    ...aborting(context),
  });
  expectOk(response, 'commit');
}

function batchesOf(steps: readonly CreateBackend[]): CreateBackend[][] {
  const count = Math.ceil(steps.length / batchSize);
  return Array.from({ length: count }, (_, at) =>
    steps.slice(at * batchSize, (at + 1) * batchSize),
  );
}

/** Renders the whole file with these steps. Nothing is committed. */
async function render(
  context: ApplyContext,
  version: number,
  steps: readonly TransactionStep[],
): Promise<string> {
  const tx = await openTransaction(context, version);
  try {
    await execute(tx, steps, context.settings);
    const raw = await context.client.get('/configuration/raw', {
      query: { transaction_id: tx.id },
      ...aborting(context),
    });
    return expectConfiguration(raw, 'read a transaction');
  } finally {
    await discard(context, tx.id);
  }
}
