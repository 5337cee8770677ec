import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

import { expect } from 'chai';

import { createDataPlaneReader } from '../../src/actual/dataplane-client.js';
import { createNomadClient } from '../../src/observe/nomad/client.js';
import { settings } from '../desired/given.js';

const { signal } = new AbortController();
const most = 1_000_000;
const head = {
  ...{ 'content-type': 'application/json', 'x-nomad-index': '7', 'x-nomad-knownleader': 'true' },
};

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const longs: Readonly<Record<string, Answer>> = {
  'endless one': (response) => {
    response.writeHead(200, head);
    const chunk = Buffer.alloc(1 << 20, 32);
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  },
  'long one with its length': (response) => {
    const body = JSON.stringify('x'.repeat(2 * most));
    response.writeHead(200, { ...head, 'content-length': body.length }).end(body);
  },
};

describe('the size of an answer', () => {
  let server: Server;
  let url: string;
  let answer: Answer;

  before(async () => {
    server = createServer((request, response) => answer(response, request));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  async function nomad(path = '/v1/services', ofOne = false): Promise<unknown> {
    const client = createNomadClient({
      settings: { ...settings.nomad, address: url },
      limits: { answerBytes: most, objectBytes: most / 10 },
    });
    try {
      return (await client.get(path, { signal, ofOne })).body;
    } catch (error) {
      return error;
    } finally {
      client.close();
    }
  }

  async function dataPlane(): Promise<unknown> {
    const target = { ...settings.targets[0]!, address: url };
    const client = createDataPlaneReader(target, { answerBytes: most });
    return client.get('/x').catch((error: unknown) => error);
  }

  for (const [what, long] of Object.entries(longs)) {
    it(`of Nomad, an ${what}, is an error that names the limit`, async () => {
      answer = long;
      expect(await nomad()).to.include({ code: 'nomad-untrusted', limit: 'answer_bytes' });
    });

    it(`of the Data Plane API, an ${what}, is an error that names the limit`, async () => {
      answer = long;
      const error = await dataPlane();
      expect(error).to.have.property('code', 'haproxy-failed');
      expect(error).to.have.property('message').that.includes('limits.answer_bytes');
    });
  }

  it('counts after decompression', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * most, 32));
    expect(bomb.length).to.be.lessThan(most);
    answer = (response) => {
      response.writeHead(200, { ...head, 'content-encoding': 'gzip' }).end(bomb);
    };
    expect(await nomad()).to.include({ code: 'nomad-untrusted', limit: 'answer_bytes' });
  });

  it('about one object has a limit of its own', async () => {
    answer = (response) => response.writeHead(200, head).end(JSON.stringify('x'.repeat(most / 2)));
    expect(await nomad('/v1/service/x', true)).to.include({ limit: 'object_bytes' });
    expect(await nomad()).to.be.a('string');
  });
});
