import { expect } from 'chai';

import { freePort } from '../../fixtures/ports.js';
import { start, type Started, waitFor } from '../../fixtures/process.js';
import { createDataPlaneWriter, type DataPlaneWriter } from '../../src/actual/dataplane-client.js';

/** Ends idle connections without having said so, in a process that goes on while this one is busy. */
const script = (port: number): string => `
  require('node:net').createServer((socket) => {
    let idle;
    socket.on('error', () => undefined);
    socket.on('data', () => {
      clearTimeout(idle);
      socket.write('HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok');
      idle = setTimeout(() => socket.destroy(), 100);
    });
  }).listen(${port}, '127.0.0.1');
`;

describe('the client of the Data Plane API', () => {
  let server: Started;
  let client: DataPlaneWriter;

  before(async () => {
    const port = await freePort();
    server = await start(process.execPath, ['-e', script(port)], { name: 'server' });
    client = createDataPlaneWriter({
      address: `http://127.0.0.1:${port}`,
      ...{ name: 'default', username: 'a', password: 'b', requestTimeoutMs: 5000 },
    });
    await waitFor('the server', () => client.get('/x'));
  });
  after(() => server.stop());

  it('writes on no connection that was ended while the process was busy', async () => {
    for (let again = 0; again < 5; again++) {
      await client.get('/x');
      const end = performance.now() + 500;
      while (performance.now() < end);
      expect((await client.send('POST', '/x')).status).to.equal(200);
    }
  }).timeout(30_000);
});
