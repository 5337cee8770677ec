import { expect } from 'chai';

import type { DataPlaneReader, DataPlaneWriter } from '../../src/actual/dataplane-client.js';
import { readIdleSlots } from '../../src/actual/idle.js';
import { createActualReader } from '../../src/actual/reader.js';
import { deleteDeadTransactions } from '../../src/apply/transaction.js';
import { settings } from '../diff/given.js';

const answers: Readonly<Record<string, unknown>> = {
  '/configuration/raw': '# _version=3\n',
  '/runtime/info': { info: { pid: 7, version: '3.0.11' } },
  '/runtime/backends/%20/servers': [],
  '/configuration/backends': [],
  '/configuration/frontends': [],
  '/configuration/defaults': [],
  '/configuration/global': {},
  '/storage/maps': [{ storage_name: 'nomad_exact.map', file: '/maps/nomad_exact.map' }],
  '/storage/general': [],
  '/runtime/maps/nomad_exact.map/entries': [],
  '/storage/maps/nomad_exact.map': '# ours\n',
  '/v3/info': { api: { version: 'v3.2.13 abc' }, system: {} },
};

/** What another answer than that makes of each endpoint. */
const wrong: Readonly<Record<string, readonly unknown[]>> = {
  '/configuration/raw': ['', '<html>busy</html>', 'upstream error\n', {}, [], null, undefined],
  '/runtime/info': [[], 'up', { info: 7 }, { info: { pid: '7' } }, { info: { pid: 7 } }, {}],
  '/runtime/backends/%20/servers': [
    ...[[null], [1], [{}], [{ name: 7 }], [{ name: 'a', address: 1 }]],
    [{ name: 'a', admin_state: {} }],
  ],
  '/configuration/backends': [
    ...[[null], ['a'], [{}], [{ name: null }], [{ name: 'a', servers: [] }]],
    ...[[{ name: 'a', servers: 'b' }], [{ name: 'a', servers: { b: 7 } }]],
    [{ name: 'a', servers: { b: { port: '80' } } }],
    { code: 500, message: 'x' },
  ],
  '/configuration/frontends': [
    ...[[null], [{ name: {} }], [{ name: 'a', acl_list: {} }], [{ name: 'a', mode: 1 }]],
    ...[[{ name: 'a', backend_switching_rule_list: 'x' }], undefined],
    [{ name: 'a', http_request_rule_list: [1] }],
  ],
  '/configuration/defaults': [[7], [{ name: [] }], [{ name: 'a', default_server: 'x' }]],
  '/configuration/global': [null, 'x', { code: 500, message: 'x' }, { performance_options: 1 }],
  '/storage/maps': [
    ...[[null], [{}], [{ storage_name: 7 }], [{ storage_name: 'nomad_exact.map' }]],
    [{ storage_name: 'nomad_exact.map', file: 7 }],
  ],
  '/storage/general': ['{}', {}, 7, '<html>', [null], [{ storage_name: 7 }], undefined],
  '/runtime/maps/nomad_exact.map/entries': [[1], [{}], [{ key: 1 }], [{ key: 'a', value: 7 }]],
  '/storage/maps/nomad_exact.map': [{}, [], null, ' <!DOCTYPE html><p>', '<html><p>'],
};

function readerWith(path?: string, body?: unknown, given = settings) {
  const client: DataPlaneReader = {
    url: 'http://127.0.0.1',
    get: (asked) => Promise.resolve({ status: 200, body: asked === path ? body : answers[asked] }),
  };
  return createActualReader(client, given);
}

/** A proxy's page, or an answer that was cut: nothing to be taken for an empty configuration. */
describe('an answer of the Data Plane API that is not what was asked for', () => {
  it('is none of these', async () => {
    expect((await readerWith().read()).configVersion).to.equal(3);
  });

  for (const [path, bodies] of Object.entries(wrong)) {
    for (const body of bodies) {
      it(`fails the read of ${path}, like ${JSON.stringify(body)}`, async () => {
        const error = await readerWith(path, body)
          .read()
          .catch((thrown: unknown) => thrown);
        expect(error).to.include({ code: 'haproxy-failed' });
      });
    }
  }

  it('is no missing general storage', async () => {
    const refused = { status: 404, body: { code: 404, message: 'no such path' } };
    const client: DataPlaneReader = {
      url: 'http://127.0.0.1',
      get: (asked) =>
        Promise.resolve(
          asked === '/storage/general' ? refused : { status: 200, body: answers[asked] },
        ),
    };
    expect((await createActualReader(client, settings).read()).configVersion).to.equal(3);
  });

  for (const body of ['<html>', {}, { api: 'x' }, { api: { version: 3 } }]) {
    it(`is no version of the Data Plane API: ${JSON.stringify(body)}`, async () => {
      const prefixless = { ...settings, ownership: { ...settings.ownership, prefix: '' } };
      const error = await readerWith('/v3/info', body, prefixless)
        .read()
        .catch((thrown: unknown) => thrown);
      expect(error).to.include({ code: 'haproxy-failed' });
    });
  }

  for (const body of ['<html>', {}, [null], [{ id: 7 }], [{ id: '' }], [{ id: 'a', status: 1 }]]) {
    it(`is no list of transactions: ${JSON.stringify(body)}`, async () => {
      const sent: string[] = [];
      const client: DataPlaneWriter = {
        url: 'http://127.0.0.1',
        get: () => Promise.resolve({ status: 200, body }),
        send: (method, path) => {
          sent.push(`${method} ${path}`);
          return Promise.resolve({ status: 204, body: '' });
        },
      };
      const error = await deleteDeadTransactions({ client }, 9).catch((thrown: unknown) => thrown);
      expect(error).to.include({ code: 'haproxy-failed' });
      expect(sent).to.deep.equal([]);
    });
  }

  for (const body of ['<html>', 7, { stats: {} }, { stats: [null] }, [{ stats: [{ stats: 1 }] }]]) {
    it(`is no proof that a draining server is idle: ${JSON.stringify(body)}`, async () => {
      const draining = { slots: new Map([['nomad_web_1', 0]]), parents: new Set(['nomad_web']) };
      const client: DataPlaneReader = {
        url: 'http://127.0.0.1',
        get: () => Promise.resolve({ status: 200, body }),
      };
      const error = await readIdleSlots(client, draining).catch((thrown: unknown) => thrown);
      expect(error).to.include({ code: 'haproxy-failed' });
    });
  }

  it('is no null where a list is empty', async () => {
    expect((await readerWith('/configuration/backends', null).read()).backends).to.deep.equal({});
  });

  for (const path of [
    '/runtime/backends/%20/servers',
    '/configuration/backends',
    '/configuration/frontends',
    '/configuration/defaults',
    '/configuration/global',
    '/storage/maps',
    '/runtime/maps/nomad_exact.map/entries',
  ]) {
    for (const body of [
      '{"fault": [nul',
      '<html>busy</html>',
      7,
      path.endsWith('global') ? [] : {},
    ]) {
      it(`fails the read of ${path}: ${JSON.stringify(body)}`, async () => {
        const error = await readerWith(path, body)
          .read()
          .catch((thrown: unknown) => thrown);
        expect(error).to.include({ code: 'haproxy-failed' });
      });
    }
  }
});
