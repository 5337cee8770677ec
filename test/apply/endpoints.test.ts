import { setImmediate as turn } from 'node:timers/promises';

import { expect } from 'chai';

import type { ActualSlot } from '../../src/actual/types.js';
import type {
  DataPlaneResponse,
  DataPlaneWriter,
  WriteOptions,
} from '../../src/actual/dataplane-client.js';
import { applySlotSteps, stopTraffic } from '../../src/apply/endpoints.js';
import type { SlotStep } from '../../src/diff/types.js';
import { ConnectorError } from '../../src/shared/errors.js';
import { actualBackend, actualState, endpoint, idOf, settings, slot } from '../diff/given.js';

const name = 'nomad_web_1';
const { address, port } = endpoint('a');
const config = { address, port, disabled: false, weight: 100 };

/** An instance is put into this server, and waits there for its check. */
function filling(before: ActualSlot): SlotStep {
  const binding = { id: idOf('a'), createIndex: 100 };
  return {
    ...{ kind: 'bind-slot', route: 'no-reload', reason: 'test', backend: 'nomad_web' },
    ...{ before, slot: { ...before, admin: 'ready', binding, config }, gated: true },
  } as unknown as SlotStep;
}

/** What is sent, in its order. */
async function sentFor(before: ActualSlot): Promise<string[]> {
  const sent: string[] = [];
  const said = ({ json, file, headers = {} }: WriteOptions): string =>
    headers['X-Runtime-Actions'] ?? file?.name ?? JSON.stringify(json);
  const client: DataPlaneWriter = {
    url: 'http://127.0.0.1',
    get: () => Promise.resolve({ status: 200, body: [] }),
    send: (_, __, options = {}) => {
      sent.push(said(options));
      return Promise.resolve({ status: 200, body: {} });
    },
  };
  const raw = `backend nomad_web\n  server ${name} 127.0.0.1:9 disabled weight 100\n`;
  const actual = actualState([actualBackend('web', { slots: [before] })], { raw });
  await applySlotSteps({ client, settings, actual }, [filling(before)]);
  return sent;
}

const server = `nomad_web ${name}`;
const write = [
  `SetServerState ${server} drain`,
  `SetServerAddr ${server} ${address} ${port}`,
  `SetServerWeight ${server} 100`,
].join(';');
/** Before the write: whoever reloads HAProxy in between must find the server waiting. */
const stateFile = 'state';
const drain = '{"admin_state":"drain"}';
const gate = '{"operational_state":"down","admin_state":"ready"}';

describe('an instance that waits for its check', () => {
  it('takes one request beside the write, in a server that gets no requests', async () => {
    expect(await sentFor(slot(name))).to.deep.equal([stateFile, write, gate]);
  });

  it('is taken out of traffic before all else, in a server that serves', async () => {
    const serving = slot(name, { binding: 'a' });
    expect(await sentFor(serving)).to.deep.equal([drain, stateFile, write, gate]);
  });

  it('is taken out of traffic before all else, where the process is not known', async () => {
    const { runtime: _, ...unknown } = slot(name);
    expect(await sentFor(unknown)).to.deep.equal([drain, stateFile, write, gate]);
  });
});

describe('servers that are taken out of traffic', () => {
  const steps = Array.from({ length: 20 }, (_, at): SlotStep => {
    const before = slot(`nomad_web_${at}`, { binding: 'a' });
    return { ...filling(before), slot: { ...before, admin: 'drain' }, gated: false };
  });
  const rounds = async (): Promise<void> => {
    for (let count = 0; count < 100; count++) await turn();
  };

  /** The servers that were asked for, each answered so. */
  async function stopped(answer: (at: number) => Promise<DataPlaneResponse>) {
    const sent: string[] = [];
    const client: DataPlaneWriter = {
      url: 'http://127.0.0.1',
      get: () => Promise.resolve({ status: 200, body: [] }),
      send: async (_, path) => {
        const at = sent.push(path);
        await turn();
        return answer(at);
      },
    };
    const error: unknown = await stopTraffic({ client }, steps).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ConnectorError);
    return sent;
  }

  it('are not asked for any more once the Data Plane API does not answer', async () => {
    const lost = new ConnectorError('haproxy-unreachable', 'no answer');
    const sent = await stopped(() => Promise.reject(lost));
    const known = sent.length;
    await rounds();
    expect(sent.length).to.equal(known);
  });

  it('do not stay because another one is refused', async () => {
    const sent = await stopped((at) => Promise.resolve({ status: at === 1 ? 500 : 200, body: {} }));
    expect(sent).to.have.length(steps.length);
  });
});
