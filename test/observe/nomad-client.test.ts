import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { makePki } from '../../fixtures/pki.js';
import { waitFor } from '../../fixtures/process.js';
import type { NomadSettings } from '../../src/config/types.js';
import { ConnectorError } from '../../src/shared/errors.js';
import { createNomadClient, type NomadClient } from '../../src/observe/nomad/client.js';
import type { StatusClass } from '../../src/shared/status-class.js';
import { failure, settingsFor } from './setup.js';

const signal = new AbortController().signal;
const trusted = { 'X-Nomad-Index': '7', 'X-Nomad-KnownLeader': 'true' };

for (const ofOne of [false, true]) {
  describe(`the client of Nomad, reading ${ofOne ? 'one object' : 'a list'}`, () => tests(ofOne));
}

function tests(ofOne: boolean): void {
  const asked = { signal, ofOne };
  let folder: string;
  let server: Server | undefined;
  let client: NomadClient | undefined;
  const seen: IncomingMessage[] = [];
  const responses: StatusClass[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nomad-client-'));
    seen.length = 0;
    responses.length = 0;
  });
  afterEach(async () => {
    client?.close();
    server?.closeAllConnections();
    server?.close();
    await rm(folder, { recursive: true });
  });

  function answering(status: (request: IncomingMessage) => number): RequestListener {
    return (request, response) => {
      seen.push(request);
      const code = status(request);
      response.writeHead(code, trusted).end(code === 200 ? '[]' : 'Permission denied\n');
    };
  }

  async function listen(made: Server, at?: string): Promise<string> {
    server = made;
    made.listen(at ?? { port: 0, host: '127.0.0.1' });
    await once(made, 'listening');
    return at ?? `127.0.0.1:${(made.address() as AddressInfo).port}`;
  }

  function connect(address: string, more: Partial<NomadSettings> = {}): NomadClient {
    client = createNomadClient({
      settings: settingsFor(address, more),
      onResponse: (status) => responses.push(status),
    });
    return client;
  }

  const always = (status: number): Server => createServer(answering(() => status));

  it('gives status, index, leader and body, and sends token and region', async () => {
    const address = `http://${await listen(always(200))}/`;
    const nomad = connect(address, { token: 'secret', region: 'eu' });
    const answer = await nomad.get('/v1/services', { query: { namespace: '*' }, ...asked });
    expect(answer).to.deep.equal({ status: 200, index: 7, knownLeader: true, body: [] });
    expect(seen[0]?.url).to.equal('/v1/services?namespace=*&region=eu');
    expect(seen[0]?.headers['x-nomad-token']).to.equal('secret');
    expect(responses).to.deep.equal(['2xx']);
  });

  it('gives an allowed status, and throws on any other', async () => {
    const nomad = connect(`http://${await listen(always(404))}`);
    const answer = await nomad.get('/v1/job/x', { ...asked, allow: [404] });
    expect(answer).to.deep.include({ status: 404, body: undefined });
    expect(await failure(nomad.get('/v1/job/x', asked))).to.include({ code: 'nomad-failed' });
    expect(responses).to.deep.equal(['4xx', '4xx']);
  });

  it('talks over a Unix socket', async () => {
    const path = await listen(always(200), join(folder, 'api.sock'));
    for (const unixSocket of [path, `unix://${path}`]) {
      const answer = await connect('http://ignored:4646', { unixSocket }).get('/v1/services', {
        query: { namespace: '*' },
        ...asked,
      });
      expect(answer.body).to.deep.equal([]);
    }
    expect(seen[0]?.url).to.equal('/v1/services?namespace=*');
  });

  it('reads the token file again when it is refused, once', async () => {
    const tokenFile = join(folder, 'nomad_token');
    await writeFile(tokenFile, 'old\n');
    const right = 'new';
    const guarded = answering(({ headers }) => (headers['x-nomad-token'] === right ? 200 : 403));
    const nomad = connect(`http://${await listen(createServer(guarded))}`, { tokenFile });
    const error = await failure(nomad.get('/v1/services', asked));
    expect(error.code).to.equal('nomad-refused');
    // The same token again would be refused again.
    expect(seen).to.have.lengthOf(1);

    await writeFile(tokenFile, 'new\n');
    expect((await nomad.get('/v1/services', asked)).status).to.equal(200);
    expect(seen.map(({ headers }) => headers['x-nomad-token'])).to.deep.equal([
      'old',
      'old',
      'new',
    ]);
  });

  it('never tells the token', async () => {
    const nomad = connect(`http://${await listen(always(500))}`, { token: 'hush-hush' });
    const errors = [await failure(nomad.get('/v1/services', asked))];
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
    errors.push(await failure(nomad.get('/v1/services', asked)));
    expect(errors.map(({ code }) => code)).to.deep.equal(['nomad-failed', 'nomad-unreachable']);
    for (const error of errors) {
      expect(error.cause).to.equal(undefined);
      expect(JSON.stringify(Object.entries(error)) + error.message + error.stack).not.to.include(
        'hush',
      );
    }
  });

  it('keeps its connections, eight at most', async () => {
    const sockets = new Set<Socket>();
    const slow: RequestListener = (_request, response) => {
      setImmediate(() => response.writeHead(200, trusted).end('[]'));
    };
    const made = createServer(slow).on('connection', (socket) => sockets.add(socket));
    const nomad = connect(`http://${await listen(made)}`);
    const reads = Array.from({ length: 50 }, () => nomad.get('/v1/services', asked));
    await Promise.all(reads);
    await nomad.get('/v1/services', asked);
    expect(sockets.size).to.be.at.most(8);
  });

  it('tries again when a kept connection was closed just then', async () => {
    const sockets = new Set<Socket>();
    let cut = false;
    const made = createServer((_request, response) => {
      if (cut) {
        cut = false;
        return void response.destroy();
      }
      response.writeHead(200, trusted).end('[]');
    }).on('connection', (socket) => sockets.add(socket));
    const nomad = connect(`http://${await listen(made)}`);
    await nomad.get('/v1/services', asked);
    cut = true;
    expect((await nomad.get('/v1/services', asked)).status).to.equal(200);
    expect(sockets.size).to.equal(2);
  });

  it('reads on new connections when the peer closed all kept ones while the process was busy', async () => {
    const peer = await startPeer();
    const nomad = connect(`http://127.0.0.1:${peer.port}`);
    const eight = (): Promise<unknown> =>
      Promise.all(
        Array.from({ length: 8 }, () =>
          nomad.get('/v1/services', { query: { held: 1 }, ...asked }),
        ),
      );
    try {
      await eight();
      for (const how of ['reset', 'end', 'reset'] as const) {
        // Nothing of this thread runs meanwhile: the pool still holds the dead connections.
        peer.closeWhileBlocked(how);
        await eight();
      }
      expect(responses).to.deep.equal(Array.from({ length: 32 }, () => '2xx'));
    } finally {
      await peer.stop();
    }
  });

  for (const how of ['resetAndDestroy', 'destroy', 'end'] as const) {
    it(`reads though every kept connection dies before its second request (${how})`, async () => {
      const served = new WeakSet<Socket>();
      const made = createServer((request, response) => {
        const { socket } = request;
        if (served.has(socket)) return void socket[how]();
        served.add(socket);
        response.writeHead(200, trusted).end('[]');
      });
      const nomad = connect(`http://${await listen(made)}`);
      const reads = Array.from({ length: 64 }, () => nomad.get('/v1/services', asked));
      expect((await Promise.all(reads)).map(({ status }) => status)).to.deep.equal(
        Array.from({ length: 64 }, () => 200),
      );
      expect(responses).to.have.lengthOf(64);
    });
  }

  it('does not ask twice when a new connection is reset', async () => {
    let requests = 0;
    const made = createServer((_request, response) => {
      requests += 1;
      response.destroy();
    });
    const nomad = connect(`http://${await listen(made)}`);
    const error = await failure(nomad.get('/v1/services', asked));
    expect(error.message).to.include('ECONNRESET');
    expect(requests).to.equal(1);
  });

  it('says where an answer broke off', async () => {
    const cut: RequestListener = (_request, response) => {
      response.writeHead(200, { ...trusted, 'content-length': 10 }).write('[', () => {
        response.destroy();
      });
    };
    const nomad = connect(`http://${await listen(createServer(cut))}`);
    const error = await failure(nomad.get('/v1/services', asked));
    expect(error).to.include({ code: 'nomad-unreachable' });
    expect(error.message).to.include('ECONNRESET in the middle of the answer');
  });

  it('reads a compressed answer, and says where one broke off', async () => {
    const whole = gzipSync(JSON.stringify(['x'.repeat(100_000)]));
    const compressing: RequestListener = (request, response) => {
      const { url } = request;
      seen.push(request);
      response.writeHead(200, { ...trusted, 'content-encoding': 'gzip' });
      response.end(url === '/v1/services' ? whole : whole.subarray(0, whole.length / 2));
    };
    const nomad = connect(`http://${await listen(createServer(compressing))}`);
    expect((await nomad.get('/v1/services', asked)).body).to.deep.equal(['x'.repeat(100_000)]);
    expect(seen[0]?.headers['accept-encoding']).to.equal(ofOne ? undefined : 'gzip');
    const error = await failure(nomad.get('/v1/jobs', asked));
    expect(error).to.include({ code: 'nomad-unreachable' });
    expect(error.message).to.include('Z_BUF_ERROR in the middle of the answer');
  });

  it('gives the bytes of an earlier answer where they are the same', async () => {
    const before = Buffer.from('["a"]');
    const texts: Readonly<Record<string, string>> = { '/same': '["a"]', '/other': '["b"]' };
    const made = createServer((request, response) => {
      response.writeHead(200, trusted).end(texts[request.url ?? '']);
    });
    const nomad = connect(`http://${await listen(made)}`);
    const read = (bytes: Buffer): Promise<unknown> => Promise.resolve(bytes);
    const bytesAt = async (path: string): Promise<unknown> =>
      (await nomad.get(path, { ...asked, before, read })).body;
    expect(await bytesAt('/same')).to.equal(before);
    expect(String(await bytesAt('/other'))).to.equal('["b"]');
  });

  it('reads no more than an answer may have', async () => {
    const long = createServer((_request, response) => {
      response.writeHead(200, trusted).end(`["${'x'.repeat(2000)}"]`);
    });
    const limits = { answerBytes: ofOne ? 10_000 : 1000, objectBytes: ofOne ? 1000 : 10_000 };
    const settings = settingsFor(`http://${await listen(long)}`);
    client = createNomadClient({ settings, limits });
    const error = await failure(client.get('/v1/services', asked));
    expect(error).to.include({ code: 'nomad-untrusted' });
    const limit = ofOne ? 'object_bytes' : 'answer_bytes';
    expect(error.message).to.include(`longer than 1000 bytes (limits.${limit})`);
  });

  it('ends at the deadline, also in the middle of an answer', async () => {
    const stuck: RequestListener = (_request, response) => {
      response.writeHead(200, trusted).write('[');
    };
    const nomad = connect(`http://${await listen(createServer(stuck))}`, { requestTimeoutMs: 100 });
    const error = await failure(nomad.get('/v1/services', asked));
    expect(error.code).to.equal('nomad-unreachable');
    expect(error.message).to.include('no answer within 100 ms');
  });

  it('says which Nomad it could not reach, without what the address holds of secrets', async () => {
    const server = createServer();
    const address = await listen(server);
    await new Promise((closed) => server.close(closed));
    const error = await failure(connect(`http://me:secret@${address}`).get('/v1/jobs', asked));
    expect(error.message).to.include(`Nomad at http://${address}: request for /v1/jobs failed`);
    expect(error.message).to.include('ECONNREFUSED');
  });

  it('ends at once when its caller aborts', async () => {
    const made = createServer((request) => void seen.push(request));
    const nomad = connect(`http://${await listen(made)}`, { requestTimeoutMs: 60_000 });
    const stopper = new AbortController();
    const reading = failure(nomad.get('/v1/services', { ...asked, signal: stopper.signal }));
    await waitFor('the request', () => seen.length === 1);
    stopper.abort();
    expect((await reading).code).to.equal('aborted');
    expect(responses).to.deep.equal([]);
  });

  it('says so when a TLS file cannot be read', () => {
    const make = (): unknown => connect('https://x', { caCert: join(folder, 'none.pem') });
    expect(make).to.throw(ConnectorError, /none\.pem/);
  });

  it('checks the certificate against the CA and the server name, and shows its own', async function () {
    const pki = makePki(folder, 'server.global.nomad');
    if (pki === undefined) {
      process.stderr.write('SKIPPED: TLS to Nomad, because there is no openssl\n');
      return this.skip();
    }
    const { ca, cert, key } = pki;
    const pem = { ca: await readFile(ca), cert: await readFile(cert), key: await readFile(key) };
    const tls = { ...pem, requestCert: true, rejectUnauthorized: true };
    const address = `https://${await listen(
      createTlsServer(
        tls,
        answering(() => 200),
      ),
    )}`;
    const own = { caCert: ca, clientCert: cert, clientKey: key };
    const tlsServerName = 'server.global.nomad';
    const get = (more: Partial<NomadSettings>): Promise<unknown> =>
      connect(address, more).get('/v1/services', asked);

    await get({ ...own, tlsServerName });
    await get({ clientCert: cert, clientKey: key, skipVerify: true });
    const refused: Partial<NomadSettings>[] = [
      own,
      { ...own, tlsServerName: 'other.global.nomad' },
      { clientCert: cert, clientKey: key, tlsServerName },
      { caCert: ca, tlsServerName },
    ];
    for (const more of refused) {
      expect((await failure(get(more))).code).to.equal('nomad-unreachable');
    }
    expect(seen).to.have.lengthOf(2);
  });
}

/** In a thread of its own: it answers once all eight requests are there, so on eight connections. */
const peerProgram = `
const { createServer } = require('node:http');
const { parentPort, workerData } = require('node:worker_threads');
const sockets = new Set();
let waiting = [];
const server = createServer((request, response) => {
  waiting.push(response);
  if (waiting.length < 8) return;
  for (const one of waiting) {
    one.writeHead(200, { 'X-Nomad-Index': '7', 'X-Nomad-KnownLeader': 'true' }).end('[]');
  }
  waiting = [];
});
server.keepAliveTimeout = 60_000;
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
parentPort.on('message', (how) => {
  for (const socket of sockets) how === 'reset' ? socket.resetAndDestroy() : socket.destroy();
  sockets.clear();
  const closed = new Int32Array(workerData);
  setTimeout(() => { Atomics.store(closed, 0, 1); Atomics.notify(closed, 0); }, 20);
});
`;

interface Peer {
  readonly port: number;
  closeWhileBlocked(how: 'reset' | 'end'): void;
  stop(): Promise<unknown>;
}

async function startPeer(): Promise<Peer> {
  const shared = new SharedArrayBuffer(4);
  const worker = new Worker(peerProgram, { eval: true, workerData: shared });
  const [port] = (await once(worker, 'message')) as [number];
  const closed = new Int32Array(shared);
  return {
    port,
    closeWhileBlocked: (how) => {
      Atomics.store(closed, 0, 0);
      worker.postMessage(how);
      Atomics.wait(closed, 0, 0, 5000);
    },
    stop: () => worker.terminate(),
  };
}
