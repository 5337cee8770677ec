import { connect } from 'node:net';
import { expect } from 'chai';
import { Gauge, Registry } from 'prom-client';
import { waitFor } from '../../fixtures/process.js';
import { ConnectorError } from '../../src/shared/errors.js';
import { startHttpServer, type Condition, type HttpServer } from '../../src/server/http.js';

describe('HTTP server', () => {
  let server: HttpServer;
  let start: (host: string) => Promise<void>;
  let alive: Condition;
  let ready: Condition;
  let broken: boolean;

  beforeEach(async () => {
    alive = { ok: true };
    ready = { ok: true };
    broken = false;
    const registry = new Registry();
    new Gauge({
      name: 'probe',
      help: 'x',
      registers: [registry],
      collect() {
        if (broken) throw new Error('hush');
        this.set(7);
      },
    });
    const status = { alive: () => alive, ready: () => ready };
    start = async (host) => {
      server = await startHttpServer({
        ...{ host, port: 0, status, registry, hostNames: ['lb.example.com'] },
        redact: (text) => text.replaceAll('hush', '<redacted>'),
      });
    };
    await start('127.0.0.1');
  });

  afterEach(() => server.close());

  function get(path: string, method = 'GET'): Promise<Response> {
    return fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  }

  for (const path of ['/health', '/healthz', '/health?x=1']) {
    it(`answers ${path} for as long as the loop is alive`, async () => {
      const well = await get(path);
      expect([well.status, await well.json()]).to.deep.equal([200, { status: 'ok' }]);
      alive = { ok: false, reason: 'stuck' };
      const ill = await get(path);
      const said = { status: 'unavailable', reason: 'stuck' };
      expect([ill.status, await ill.json()]).to.deep.equal([503, said]);
    });
  }

  it('is alive before it is ready', async () => {
    ready = { ok: false, reason: 'no sync yet' };
    expect((await get('/health')).status).to.equal(200);
    const response = await get('/readyz');
    expect(response.status).to.equal(503);
    expect(response.headers.get('content-type')).to.equal('application/json');
    expect(await response.json()).to.deep.equal({ status: 'unavailable', reason: 'no sync yet' });
    ready = { ok: true };
    expect(await (await get('/readyz')).json()).to.deep.equal({ status: 'ok' });
    ready = { ok: true, standsBy: true };
    expect(await (await get('/readyz')).json()).to.deep.equal({ status: 'ok', role: 'standby' });
  });

  it('redacts its reasons, and keeps them on one line', async () => {
    alive = ready = { ok: false, reason: 'Nomad said hush\n\u009b31m' };
    for (const path of ['/health', '/readyz']) {
      const body = await (await get(path)).text();
      expect(body).to.equal(
        '{"status":"unavailable","reason":"Nomad said <redacted>\\n\\u009b31m"}\n',
      );
    }
  });

  it('shows the metrics', async () => {
    const response = await get('/metrics');
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.contain('text/plain; version=0.0.4');
    expect(await response.text()).to.contain('probe 7');
  });

  it('tells nothing of a metric that fails', async () => {
    broken = true;
    const response = await get('/metrics');
    expect(response.status).to.equal(500);
    expect(await response.text()).not.to.contain('hush');
  });

  it('answers HEAD as GET without the body', async () => {
    const [head, full] = [await get('/health', 'HEAD'), await get('/health')];
    expect(head.status).to.equal(200);
    expect(head.headers.get('content-length')).to.equal(full.headers.get('content-length'));
    expect(await head.text()).to.equal('');
  });

  it('knows no other path and no other method', async () => {
    expect((await get('/')).status).to.equal(404);
    expect((await get('/health/x')).status).to.equal(404);
    const response = await get('/metrics', 'POST');
    expect(response.status).to.equal(405);
    expect(response.headers.get('allow')).to.equal('GET, HEAD');
  });

  it('names an address that it can not have', async () => {
    const options = {
      host: '127.0.0.1',
      port: server.port,
      registry: new Registry(),
      redact: String,
    };
    const status = { alive: () => alive, ready: () => ready };
    const error = await startHttpServer({ ...options, status }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ConnectorError);
    expect(error).to.include({
      code: 'config-invalid',
      message: `http.listen: cannot listen on 127.0.0.1:${server.port}: the address is in use`,
    });
  });

  /** Resolves with what was answered, once the server has closed the connection. */
  function closedAfter(sent: string): Promise<string> {
    return new Promise((resolve) => {
      let answer = '';
      const socket = connect(server.port, '127.0.0.1', () => socket.write(sent));
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(answer));
    });
  }

  /** The status line of each path, asked under this name. */
  const own = ['/health', '/healthz', '/readyz', '/metrics'];
  async function asked(host: string): Promise<readonly string[]> {
    const answers = own.map((path) =>
      closedAfter(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    );
    return (await Promise.all(answers)).map((answer) => answer.split(' ', 2)[1] ?? '');
  }

  it('where only this host connects, answers nobody that names another (DNS rebinding)', async () => {
    for (const host of ['evil.example', `evil.example:${server.port}`, '127.0.0.1.evil.example'])
      expect(await asked(host), host).to.deep.equal(own.map(() => '421'));
    for (const host of ['localhost', `127.0.0.1:${server.port}`, 'lb.example.com'])
      expect(await asked(host), host).to.deep.equal(own.map(() => '200'));
    const refused = await closedAfter('GET /metrics HTTP/1.0\r\nHost: evil.example\r\n\r\n');
    expect(refused).to.contain('http.host_names').and.not.contain('probe 7');
  });

  it('answers a probe that names no host', async () => {
    expect(await closedAfter('GET /readyz HTTP/1.0\r\n\r\n')).to.match(/^HTTP\/1\.1 200 /);
  });

  it('where others connect, answers scrapes and probes by any name', async () => {
    await server.close();
    await start('');
    expect(await asked('edge-1.example.com:8080')).to.deep.equal(own.map(() => '200'));
  });

  it('closes connections that send half a request, none or no other', async function () {
    this.timeout(20_000);
    const line = 'GET /health HTTP/1.1\r\nHost: localhost\r\n';
    const answers = await Promise.all([
      closedAfter(''),
      closedAfter('GET /hea'),
      closedAfter(`${line}X-A: `),
      closedAfter(`${line}\r\n`),
    ]);
    expect(answers.map((answer) => answer.split('\r\n', 1)[0])).to.deep.equal([
      'HTTP/1.1 408 Request Timeout',
      'HTTP/1.1 408 Request Timeout',
      'HTTP/1.1 408 Request Timeout',
      'HTTP/1.1 200 OK',
    ]);
  });

  it('holds a bounded number of connections, and answers meanwhile', async () => {
    const sockets = Array.from({ length: 300 }, () => connect(server.port, '127.0.0.1'));
    let closed = 0;
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      socket.once('close', () => closed++);
    }
    await waitFor('all but some to be closed', () => closed >= 300 - 64);
    expect((await get('/health')).status).to.equal(200);
    for (const socket of sockets) socket.destroy();
  });

  it('refuses headers beyond all measure', async () => {
    const answer = await closedAfter(`GET /health HTTP/1.1\r\nX: ${'a'.repeat(50_000)}\r\n\r\n`);
    expect(answer).to.match(/^HTTP\/1\.1 431 /);
  });

  it('closes although a connection hangs', async () => {
    const socket = connect(server.port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.write('GET /health HTTP/1.1\r\n', resolve));
    await get('/health');
    await server.close();
    await closed;
  });
});
