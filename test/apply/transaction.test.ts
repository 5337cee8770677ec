import { expect } from 'chai';

import type { DataPlaneWriter } from '../../src/actual/dataplane-client.js';
import { deleteDeadTransactions } from '../../src/apply/transaction.js';

describe('dead transactions', () => {
  it('are the failed and outdated ones, and one that was never begun: it has no version', async () => {
    const deleted: string[] = [];
    const body = [
      { id: 'failed', status: 'failed', _version: 7 },
      { id: 'outdated', status: 'outdated', _version: 7 },
      { id: 'old', status: 'in_progress', _version: 6 },
      { id: 'in-use', status: 'in_progress', _version: 7 },
      // As the Data Plane API leaves it when the disk is full.
      { id: 'never-begun', status: 'in_progress' },
    ];
    const client: DataPlaneWriter = {
      url: 'http://127.0.0.1',
      get: () => Promise.resolve({ status: 200, body }),
      send: (_, path) => {
        deleted.push(path.replace('/transactions/', ''));
        return Promise.resolve({ status: 204, body: '' });
      },
    };
    expect(await deleteDeadTransactions({ client }, 7)).to.equal(4);
    expect(deleted).to.deep.equal(['failed', 'outdated', 'old', 'never-begun']);
  });
});
