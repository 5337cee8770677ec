import { connect } from 'node:net';
import { expect } from 'chai';
import { Gauge, Registry } from 'prom-client';
import { ConnectorError } from '../../src/shared/errors.js';
import { startHttpServer, type Condition, type HttpServer } from '../../src/server/http.js';

describe('HTTP server', () => {
  let server: HttpServer;
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
    server = await startHttpServer({ host: '127.0.0.1', port: 0, status, registry });
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
    expect((await get('/readyz')).status).to.equal(200);
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
    const options = { host: '127.0.0.1', port: server.port, registry: new Registry() };
    const status = { alive: () => alive, ready: () => ready };
    const error = await startHttpServer({ ...options, status }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ConnectorError);
    expect(error).to.include({
      code: 'config-invalid',
      message: `http.listen: cannot listen on 127.0.0.1:${server.port}: the address is in use`,
    });
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
