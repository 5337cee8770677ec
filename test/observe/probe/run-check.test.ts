import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

import { expect } from 'chai';

import { type CheckTalk, serverCheck } from '../../../src/haproxy/server-check.js';
import { type ProbeResult, runCheck } from '../../../src/observe/probe/run-check.js';
import type { JsonObject } from '../../../src/shared/json.js';
import { backendFor, checkSpec } from '../../desired/given.js';
import { type HealthServer, startHealthServer } from '../../desired/health-server.js';

const { signal } = new AbortController();
const servers: (Server | HealthServer)[] = [];

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

/** Says this to whoever connects, and keeps the connection. */
function saying(text: string): Promise<number> {
  return listening(createServer((socket) => quiet(socket).write(text)));
}

function quiet(socket: Socket): Socket {
  return socket.on('error', () => undefined);
}

const get: CheckTalk = { kind: 'http', request: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' };

function run(port: number, talk: CheckTalk, timeoutMs = 5000): Promise<ProbeResult> {
  return runCheck({ address: '127.0.0.1', port, check: { rise: 1, timeoutMs, talk } }, signal);
}

describe('a check that the connector runs', () => {
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it('asks as the tags say, and passes', async () => {
    const seen: unknown[] = [];
    const port = await listening(
      createHttpServer(({ method, url, headers }, response) => {
        seen.push([method, url, headers.host, headers['x-team']]);
        response.writeHead(204).end();
      }),
    );
    const spec = checkSpec('http', {
      path: '/up?a=b',
      method: 'HEAD',
      headers: { 'X-Team': ['a b'] },
    });
    const { section } = backendFor(['check.host=api.example.com:81'], [spec]);
    const server = section['default_server'] as JsonObject;
    const check = serverCheck({ section, server, hasCheckPort: false, lookup: () => undefined })!;
    expect(await runCheck({ address: '127.0.0.1', port, check }, signal)).to.deep.equal({
      result: 'passed',
    });
    expect(seen).to.deep.equal([['HEAD', '/up?a=b', 'api.example.com:81', 'a b']]);
  });

  it('passes on a connection alone', async () => {
    const port = await listening(createServer(quiet));
    expect(await run(port, { kind: 'connect' })).to.deep.equal({ result: 'passed' });
  });

  it('follows no redirect', async () => {
    const asked: (string | undefined)[] = [];
    const port = await listening(
      createHttpServer(({ url }, response) => {
        asked.push(url);
        response.writeHead(302, { location: '/other' }).end();
      }),
    );
    expect((await run(port, get)).result).to.equal('passed');
    expect(asked).to.deep.equal(['/']);
  });

  it('fails where nobody listens, where the answer is wrong, and where none comes', async () => {
    const gone = createServer();
    const port = await listening(gone);
    await new Promise((done) => gone.close(done));
    const connect = await run(port, { kind: 'connect' });
    expect(connect).to.deep.equal({ result: 'unreachable', why: 'ECONNREFUSED' });
    const wrong = await saying('HTTP/1.1 503 No\r\n\r\n');
    expect((await run(wrong, get)).result).to.equal('refused');
    expect((await run(await saying(''), get, 50)).result).to.equal('late');
  });

  it('gives up on an answer without an end', async () => {
    const port = await listening(
      createServer((socket) => {
        const flood = (): void => {
          if (socket.writable) socket.write('x'.repeat(65_536), flood);
        };
        quiet(socket);
        flood();
      }),
    );
    const talk = { ...get, expect: { match: 'string', pattern: 'well' } } as const;
    expect((await run(port, talk)).result).to.equal('refused');
  });

  it('is cut by the end of the program', async () => {
    const stopper = new AbortController();
    const port = await saying('');
    const check = { rise: 1, timeoutMs: 60_000, talk: get };
    const running = runCheck({ address: '127.0.0.1', port, check }, stopper.signal);
    stopper.abort();
    expect((await running).result).to.equal('unreachable');
  });

  it('asks a real gRPC server for its health', async () => {
    const health = await startHealthServer();
    servers.push(health);
    const { section } = backendFor([], [checkSpec('grpc', { grpcService: 'my.Service' })]);
    const server = section['default_server'] as JsonObject;
    const check = serverCheck({ section, server, hasCheckPort: false, lookup: () => undefined })!;
    const ask = () => runCheck({ address: '127.0.0.1', port: health.port, check }, signal);
    expect((await ask()).result).to.equal('passed');
    health.serving = false;
    expect((await ask()).result).not.to.equal('passed');
    expect(health.asked).to.deep.equal(['my.Service', 'my.Service']);
  });
});
