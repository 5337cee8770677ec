import { expect } from 'chai';

import type { DataPlaneWriter } from '../../src/actual/dataplane-client.js';
import { openServers } from '../../src/apply/openings.js';
import type { OpenServer } from '../../src/diff/types.js';
import { parking } from '../../src/haproxy/slots.js';
import { ConnectorError } from '../../src/shared/errors.js';
import { actualState, settings } from '../diff/given.js';

const step = (server: string): OpenServer => ({
  ...{ kind: 'open-server', route: 'runtime', backend: 'nomad_web', service: 'default/web' },
  ...{ server, config: parking, key: server },
});

describe('servers whose check has passed', () => {
  it('are opened but for those whose check has failed since', async () => {
    const sent: string[] = [];
    const client: DataPlaneWriter = {
      url: 'http://127.0.0.1',
      get: () => Promise.resolve({ status: 200, body: [] }),
      send: (_, path) => {
        sent.push(path);
        return Promise.resolve({ status: 200, body: {} });
      },
    };
    const context = { client, settings, actual: actualState() };
    const hasPassed = (key: string): boolean => key !== 'b';
    await openServers({ ...context, hasPassed }, ['a', 'b', 'c'].map(step));
    expect(sent).to.deep.equal(
      ['a', 'c'].map((name) => `/runtime/backends/nomad_web/servers/${name}`),
    );
  });

  it('are not opened any more once one attempt has failed', async () => {
    const sent: string[] = [];
    const client: DataPlaneWriter = {
      url: 'http://127.0.0.1',
      get: () => Promise.resolve({ status: 200, body: [] }),
      send: async (_, path) => {
        sent.push(path);
        await new Promise((resolve) => setImmediate(resolve));
        throw new ConnectorError('haproxy-unreachable', 'no answer');
      },
    };
    const context = { client, settings, actual: actualState(), hasPassed: () => true };
    const steps = Array.from({ length: 20 }, (_, at) => step(`nomad_web_${at}`));
    const error: unknown = await openServers(context, steps).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ConnectorError);
    const known = sent.length;
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(sent.length).to.equal(known);
  });
});
