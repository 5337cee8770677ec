import { expect } from 'chai';

import type { DataPlaneReader } from '../../src/actual/dataplane-client.js';
import { createActualReader } from '../../src/actual/reader.js';
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
};

function readerWith(path?: string, body?: unknown) {
  const client: DataPlaneReader = {
    url: 'http://127.0.0.1',
    get: (asked) => Promise.resolve({ status: 200, body: asked === path ? body : answers[asked] }),
  };
  return createActualReader(client, settings);
}

/** A proxy's page, or an answer that was cut: nothing to be taken for an empty configuration. */
describe('an answer of the Data Plane API that is not what was asked for', () => {
  it('is none of these', async () => {
    expect((await readerWith().read()).configVersion).to.equal(3);
  });

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
