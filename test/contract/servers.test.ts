import { expect } from 'chai';

import { freePort } from '../../fixtures/ports.js';
import { slot, useStack } from './stack.js';

interface RuntimeServer {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly admin_state: string;
  readonly operational_state: string;
}

describe('data plane: servers without a reload', () => {
  const stack = useStack();
  const config = '/configuration/backends/app/servers';
  const runtime = '/runtime/backends/app/servers';

  const seen = async (name: string) =>
    (await stack.ask('GET', `${runtime}/${name}`)).body as RuntimeServer;
  const put = async (name: string, server: object, query = '') =>
    stack.ask('PUT', `${config}/${name}?version=${await stack.version()}${query}`, server);

  before(() => stack.addBackend('app'));

  it('fills a slot by two PUTs, at runtime and on disk, with the same worker', async () => {
    const worker = await stack.dp.haproxy.workerPid();
    const port = await freePort();
    const metadata = { instance: 'one' };
    const first = await put('app_1', slot('app_1', { port, metadata }));
    expect(first.status).to.equal(200);
    expect(first.headers.get('reload-id')).to.equal(null);
    expect(await seen('app_1')).to.include({ port, admin_state: 'maint' });
    const ready = slot('app_1', { port, metadata, maintenance: 'disabled', weight: 50 });
    expect((await put('app_1', ready)).status).to.equal(200);
    expect(await seen('app_1')).to.include({ port, admin_state: 'ready' });
    expect(await stack.raw()).to.match(new RegExp(`server app_1 127.0.0.1:${port} .*instance`));
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
  });

  it('reloads for any other change of a server', async () => {
    const worker = await stack.dp.haproxy.workerPid();
    const answer = await put('app_2', slot('app_2', { rise: 3 }), '&force_reload=true');
    expect(answer.status).to.equal(200);
    expect(await stack.dp.haproxy.workerPid()).to.not.equal(worker);
  });

  it('saves the file and sets servers at runtime by one POST of the raw configuration', async () => {
    const worker = await stack.dp.haproxy.workerPid();
    const text = (await stack.raw()).replace(
      /server app_2 .*/,
      'server app_2 127.0.0.1:8081 weight 7',
    );
    const actions = [
      'SetServerAddr app app_2 127.0.0.1 8081',
      'SetServerWeight app app_2 7',
      'SetServerState app app_2 ready',
    ].join(';');
    const query = `skip_reload=true&version=${await stack.version()}`;
    const headers = { 'X-Runtime-Actions': actions };
    const answer = await stack.ask('POST', `/configuration/raw?${query}`, text, { headers });
    expect(answer.status).to.equal(201);
    expect(answer.headers.get('configuration-checksum')).to.match(/^[0-9a-f]{32}$/);
    expect(await seen('app_2')).to.include({ port: 8081, admin_state: 'ready' });
    const { body } = await stack.ask('GET', `${config}/app_2`);
    expect(body).to.include({ port: 8081, weight: 7 });
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
  });

  it('answers 500 when an action fails, and has saved the file by then', async () => {
    const before = await stack.version();
    const headers = { 'X-Runtime-Actions': 'SetServerState app nobody ready' };
    const query = `skip_reload=true&version=${before}`;
    const answer = await stack.ask('POST', `/configuration/raw?${query}`, await stack.raw(), {
      headers,
    });
    expect(answer.status).to.equal(500);
    expect(await stack.version()).to.equal(before + 1);
  });

  it('persists what a transaction has built without a reload', async () => {
    const worker = await stack.dp.haproxy.workerPid();
    const version = await stack.version();
    const t = await stack.begin();
    await stack.ask('PUT', `${config}/app_1?transaction_id=${t}`, slot('app_1', { port: 7777 }));
    const built = await stack.ask('GET', `/configuration/raw?transaction_id=${t}`);
    expect((await stack.ask('DELETE', `/transactions/${t}`)).status).to.equal(204);
    const query = `skip_reload=true&version=${version}`;
    const saved = await stack.ask('POST', `/configuration/raw?${query}`, built.body);
    expect(saved.status).to.equal(201);
    expect((await stack.ask('GET', `${config}/app_1`)).body).to.include({ port: 7777 });
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
  });

  it('lists the servers of all backends for a blank parent', async () => {
    await stack.addBackend('other');
    const { status, body } = await stack.ask('GET', '/runtime/backends/%20/servers');
    expect(status).to.equal(200);
    const names = (body as RuntimeServer[]).map(({ name }) => name).sort();
    expect(names).to.deep.equal(['app_1', 'app_2', 'other_1', 'other_2']);
  });

  it('drains, stops and readies a server at runtime', async () => {
    await stack.addBackend('plain', {
      servers: { plain_1: slot('plain_1', { maintenance: 'disabled' }) },
    });
    const path = '/runtime/backends/plain/servers/plain_1';
    for (const state of ['drain', 'maint', 'ready']) {
      const answer = await stack.ask('PUT', path, { admin_state: state });
      expect(answer.status, state).to.equal(200);
      const { body } = await stack.ask('GET', path);
      expect(body).to.include({ admin_state: state });
    }
  });

  /**
   * HAProxy remembers that a server was disabled in its configuration (flag 4) while it drains
   * (flag 8) and prints 12, which the data plane reads as hexadecimal. Only the operational state
   * tells it from a server that is really stopped.
   */
  it('takes the draining of a slot for maintenance, so that it ignores a stop', async () => {
    await stack.addBackend('slots');
    const path = '/runtime/backends/slots/servers/slots_1';
    await stack.ask('PUT', path, { admin_state: 'ready' });
    for (const state of ['drain', 'maint']) {
      const { body } = await stack.ask('PUT', path, { admin_state: state });
      expect(body).to.include({ admin_state: 'maint', operational_state: 'up' });
      const line = /slots,slots_1,.*/.exec(await stack.dp.haproxy.runtimeCommand('show stat'))?.[0];
      expect(line?.split(',')[17]).to.equal('DRAIN');
    }
    const version = await stack.version();
    const stopped = slot('slots_1', { weight: 99 });
    const query = `/configuration/backends/slots/servers/slots_1?version=${version}`;
    // A change of the configured state is sent to HAProxy, whatever state it is in.
    await stack.ask('PUT', query, { ...stopped, maintenance: 'disabled' });
    await stack.ask('PUT', query.replace(`${version}`, `${version + 1}`), stopped);
    expect((await stack.ask('GET', path)).body).to.include({ operational_state: 'down' });
  });

  it('sets the operational state', async () => {
    await stack.ask('PUT', `${runtime}/app_2`, { admin_state: 'ready' });
    await stack.ask('PUT', `${runtime}/app_2`, { operational_state: 'down' });
    expect(await seen('app_2')).to.include({ operational_state: 'down' });
    await stack.ask('PUT', `${runtime}/app_2`, { operational_state: 'up' });
    expect(await seen('app_2')).to.include({ operational_state: 'up' });
  });

  it('may ignore an address that it is given at runtime', async () => {
    const answer = await stack.ask('PUT', `${runtime}/app_1`, { address: '127.0.0.7', port: 99 });
    expect(answer.status).to.equal(200);
    // Up to 3.3 it is ignored, 3.4 sets it.
    expect((await seen('app_1')).address).to.be.oneOf(['127.0.0.1', '127.0.0.7']);
  });

  it('adds a server at runtime in maintenance and deletes it again', async () => {
    const server = { name: 'extra', address: '127.0.0.1', port: 8082, check: 'enabled' };
    expect((await stack.ask('POST', runtime, server)).status).to.equal(201);
    expect(await seen('extra')).to.include({ admin_state: 'maint', port: 8082 });
    expect((await stack.ask('POST', runtime, server)).status).to.equal(409);
    expect((await stack.ask('DELETE', `${runtime}/extra`)).status).to.equal(204);
    expect((await stack.ask('GET', `${runtime}/extra`)).status).to.equal(404);
  });

  it('adds a configured server at runtime, and reloads to remove it', async () => {
    const server = { name: 'added', address: '127.0.0.1', port: 8083 };
    const made = await stack.ask('POST', `${config}?version=${await stack.version()}`, server);
    expect(made.status).to.equal(201);
    expect(await seen('added')).to.include({ admin_state: 'maint' });
    const query = `version=${await stack.version()}`;
    const removed = await stack.ask('DELETE', `${config}/added?${query}`);
    expect(removed.status).to.equal(202);
    expect(removed.headers.get('reload-id')).to.be.a('string');
  });

  it('tells the state of servers in statistics', async () => {
    const { body } = await stack.ask('GET', '/stats/native?type=server&parent=app');
    const { stats } = body as { stats: { name: string; stats: { status: string } }[] };
    expect(stats.map(({ name }) => name)).to.include.members(['app_1', 'app_2']);
    expect(stats[0]?.stats.status).to.be.a('string');
  });

  describe('with HAProxy down', () => {
    before(() => stack.dp.stopHaproxy());
    after(() => stack.dp.startHaproxy());

    it('says so in runtime/info, in a 200', async () => {
      const { status, body } = await stack.ask('GET', '/runtime/info');
      expect(status).to.equal(200);
      expect(body).to.have.property('error');
      expect(body).to.not.have.nested.property('info.pid');
    });

    it('answers as if the server were not there', async () => {
      expect((await stack.ask('GET', `${runtime}/app_1`)).status).to.equal(404);
      expect((await stack.ask('DELETE', `${runtime}/app_1`)).status).to.equal(404);
      // 3.0 answers 500 to these two.
      const put = await stack.ask('PUT', `${runtime}/app_1`, { admin_state: 'drain' });
      expect(put.status).to.be.oneOf([404, 500]);
      const list = await stack.ask('GET', '/runtime/backends/%20/servers');
      expect(list.status).to.be.oneOf([404, 500]);
    });
  });

  it('finds HAProxy again after a cold start', async () => {
    const { body } = await stack.ask('GET', '/runtime/info');
    expect((body as { info: { pid: number } }).info.pid).to.be.above(0);
    expect((await stack.ask('GET', `${runtime}/app_1`)).status).to.equal(200);
  });
});
