import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect } from 'chai';

import { createDataPlaneReader, type DataPlaneReader } from '../../src/actual/dataplane-client.js';

describe('an answer of the Data Plane API that is asked for again', () => {
  let server: Server;
  let client: DataPlaneReader;
  let status = 200;
  let body = '';
  let type = 'application/json';
  const headers: (string | undefined)[] = [];

  before(async () => {
    server = createServer((request, response) => {
      headers.push(request.url, request.headers.authorization);
      response.writeHead(status, { 'content-type': type }).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = createDataPlaneReader({
      address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ...{ name: 'default', username: 'a', password: 'ö:ü', requestTimeoutMs: 5000 },
    });
  });
  after(() => server.close());

  for (const [kind, text, other] of [
    ['application/json', '{"a":1}', '{"a":2}'],
    ['text/plain', 'global\n', 'global\n\n'],
  ] as const) {
    it(`has the same body for the same bytes: ${kind}`, async () => {
      [status, type, body] = [200, kind, text];
      const first = await client.get('/x', { before: undefined });
      const second = await client.get('/x', { before: first });
      expect(second.body).to.equal(first.body);
      body = other;
      const third = await client.get('/x', { before: second });
      expect(third.body).to.not.deep.equal(first.body);
      body = text;
      status = 500;
      const refused = await client.get('/x', { before: first });
      expect(refused.status).to.equal(500);
    });
  }

  it('is asked for with the query and the credentials', async () => {
    headers.length = 0;
    await client.get('/stats/native', { query: { type: 'server', parent: 'a b&c' } });
    await client.get('/v3/info');
    expect(headers).to.deep.equal([
      '/v3/services/haproxy/stats/native?type=server&parent=a+b%26c',
      `Basic ${Buffer.from('a:ö:ü').toString('base64')}`,
      '/v3/info',
      `Basic ${Buffer.from('a:ö:ü').toString('base64')}`,
    ]);
  });
});
