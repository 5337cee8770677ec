import PQueue from 'p-queue';

import { expectOk } from '../actual/answers.js';
import { isNewBackend } from '../diff/dispatch.js';
import type { CreateBackend, TransactionStep } from '../diff/types.js';
import { mapQueued } from '../shared/concurrent.js';
import { aborting, type ApplyContext } from './context.js';
import { appendSections, sectionsOf } from './render/sections.js';
import { discard, execute, openTransaction } from './transaction.js';

/**
 * Each edit of a transaction writes the whole file again, so N new backends in one cost N squared.
 * From here on they are rendered apart, a few at a time.
 */
export const bulkFrom = 200;

/** The files of these transactions hold no more than this beside what is there already. */
const batchSize = 20;

/** Side by side. The Data Plane API lets 20 be open. */
const transactions = 4;

/**
 * All structural steps as one write of the whole file with a forced reload, for a pass with many new
 * backends. The Data Plane API renders them itself: a few in each of several transactions that are
 * never committed (`GET /configuration/raw?transaction_id=`), and all other steps in a last one.
 * Another writer in between makes the write a conflict (`POST /configuration/raw?version=`).
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

/** The whole file as it would be with these steps. Nothing is committed. */
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
    return String(expectOk(raw, 'read a transaction').body);
  } finally {
    await discard(context, tx.id);
  }
}
