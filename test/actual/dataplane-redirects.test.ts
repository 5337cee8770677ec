import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';

import { createDataPlaneWriter } from '../../src/actual/dataplane-client.js';
import { asConnectorError } from '../../src/shared/errors.js';

async function serve(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const who = { name: 'default', username: 'a', password: 'b', requestTimeoutMs: 2000 };

describe('the client of the Data Plane API, of a proxy', () => {
  for (const status of [300, 301, 302, 303, 307, 308]) {
    it(`follows no redirect: ${status}`, async () => {
      const seen: string[] = [];
      const other = await serve((request, response) => {
        seen.push(`${request.method} ${request.url}`);
        response.end();
      });
      const location = `${other.url.replace('127.0.0.1', 'localhost')}/stolen`;
      const proxy = await serve((_request, response) => {
        response.writeHead(status, { location }).end();
      });
      const client = createDataPlaneWriter({ address: proxy.url, ...who });
      for (const answer of [
        client.get('/configuration/raw'),
        client.send('POST', '/configuration/raw', { text: 'global' }),
      ]) {
        const error = await answer.catch(asConnectorError);
        expect(error).to.include({ code: 'haproxy-failed' });
        expect((error as Error).message).to.match(/redirects are not followed/);
      }
      expect(seen).to.deep.equal([]);
      other.server.close();
      proxy.server.close();
    });
  }

  it('takes no web page for an answer', async () => {
    const proxy = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('welcome');
    });
    const client = createDataPlaneWriter({ address: proxy.url, ...who });
    const error = await client.get('/storage/maps/x.map').catch(asConnectorError);
    expect(error).to.include({ code: 'haproxy-failed' });
    proxy.server.close();
  });
});
