import { connect } from 'node:net';

import { expect } from 'chai';

import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy } from '../../fixtures/haproxy/find.js';
import { waitFor } from '../../fixtures/process.js';
import { grpcHealthRequest } from '../../src/desired/grpc.js';
import { backendFor, checkSpec } from './given.js';
import { type HealthServer, startHealthServer } from './health-server.js';
import { replaceBackends } from './on-haproxy.js';

/** What the check waits for: a message of 2 bytes, field 1 = SERVING. */
const servingStatus = '00000000020801';
const notServingStatus = '00000000020802';

describe('the gRPC health request', () => {
  let server: HealthServer;

  beforeEach(async () => (server = await startHealthServer()));
  afterEach(() => server.close());

  it('is answered by a real gRPC server that serves', async () => {
    expect(await answerTo(server.port, '', servingStatus)).to.contain(servingStatus);
    expect(await answerTo(server.port, 'my.pkg.Service', servingStatus)).to.contain(servingStatus);
    expect(server.asked).to.deep.equal(['', 'my.pkg.Service']);
  });

  it('is not taken for serving when the server says that it does not', async () => {
    server.serving = false;
    expect(await answerTo(server.port, '', notServingStatus)).to.not.contain(servingStatus);
  });

  it('names a service of any length', async () => {
    const long = 'a'.repeat(300);
    expect(await answerTo(server.port, long, servingStatus)).to.contain(servingStatus);
    expect(server.asked).to.deep.equal([long]);
  });
});

/** What comes back on a bare connection, as HAProxy sees it, until `end` or a second passed. */
function answerTo(port: number, service: string, end: string): Promise<string> {
  const authority = 'a-host-of-some-length.example.com';
  const request = Buffer.from(grpcHealthRequest({ service, authority, tls: false }), 'hex');
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    const finish = () => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (chunk) => {
      answer += chunk.toString('hex');
      if (answer.includes(end)) finish();
    });
    socket.on('error', reject);
    socket.setTimeout(1000, finish);
  });
}

describe('a gRPC check on real HAProxy', function () {
  this.timeout(60_000);
  let plane: DataPlane;
  let server: HealthServer;

  before(async () => {
    server = await startHealthServer();
    plane = await startDataPlane({ haproxy: await findHaproxy() });
  });
  after(async () => {
    await plane.close();
    server.close();
  });

  for (const tags of [[], ['server.proto=h2'], ['mode=tcp']]) {
    it(`is up while serving and down while not, with tags ${tags.join(' ') || 'none'}`, async () => {
      const grpc = checkSpec('grpc', { grpcService: 'a.B', intervalMs: 100, timeoutMs: 300 });
      const { name, section } = backendFor(tags, [grpc]);
      server.serving = true;
      const address = { address: '127.0.0.1', port: server.port };
      await replaceBackends(plane, [{ name, section }], address);
      await waitFor('serving to be up', async () => (await stateOf(name)) === 'UP');
      expect(server.asked).to.include('a.B');
      server.serving = false;
      await waitFor('not serving to be down', async () => (await stateOf(name)) === 'DOWN');
      server.serving = true;
      await waitFor('serving again to be up', async () => (await stateOf(name)) === 'UP');
    });
  }

  /** As HAProxy's statistics tell it, which count a server as up before its first check. */
  async function stateOf(backend: string): Promise<string | undefined> {
    const stats = await plane.haproxy.runtimeCommand('show stat');
    const line = stats.split('\n').find((one) => one.startsWith(`${backend},${backend}_1,`));
    const [state, status] = [line?.split(',')[17], line?.split(',')[36]];
    return status === undefined || status === '' ? undefined : state?.split(' ')[0];
  }
});
