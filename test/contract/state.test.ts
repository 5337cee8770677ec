import { type Server, createServer } from 'node:http';

import { expect } from 'chai';

import { freePort } from '../../fixtures/ports.js';
import { waitFor } from '../../fixtures/process.js';
import { slot, upload, useStack } from './stack.js';

/** What a reload forgets, and the file that makes it remember. */
describe('data plane: the state of servers over a reload', () => {
  const stack = useStack();
  const name = 'server-state';
  let target: Server;
  let port = 0;

  const status = async (backend: string, server: string) => {
    const text = await stack.dp.haproxy.runtimeCommand('show stat');
    const line = text.split('\n').find((each) => each.startsWith(`${backend},${server},`));
    return line?.split(',')[17];
  };
  const up = (backend: string, server: string) =>
    waitFor(`${server} to be up`, async () => (await status(backend, server)) === 'UP');
  const drain = (backend: string, server: string) =>
    stack.ask('PUT', `/runtime/backends/${backend}/servers/${server}`, { admin_state: 'drain' });
  const saveState = async () => {
    const state = await stack.dp.haproxy.runtimeCommand('show servers state');
    const path = `/storage/general/${name}?skip_reload=true`;
    return stack.ask('PUT', path, upload(`${state}\n`, name));
  };
  const add = async (backend: string, more: object) => {
    const checked = { port, maintenance: 'disabled', check: 'enabled', inter: 100, rise: 2 };
    const servers = { [`${backend}_1`]: slot(`${backend}_1`, checked) };
    await stack.addBackend(backend, { servers, ...more });
    await up(backend, `${backend}_1`);
  };

  before(async () => {
    port = await freePort();
    target = createServer((_, answer) => answer.end('ok'));
    await new Promise<void>((resolve) => target.listen(port, '127.0.0.1', resolve));
    await stack.ask('POST', '/storage/general', upload('1\n', name));
  });
  after((done) => void target.close(done));

  it('is lost without the file', async () => {
    await add('forgetful', {});
    await drain('forgetful', 'forgetful_1');
    expect(await status('forgetful', 'forgetful_1')).to.equal('DRAIN');
    await stack.addBackend('reloader');
    expect(await status('forgetful', 'forgetful_1')).to.not.equal('DRAIN');
  });

  it('is kept by the file, for backends that read it', async () => {
    await add('mindful', { load_server_state_from_file: 'global' });
    await drain('mindful', 'mindful_1');
    expect((await saveState()).status).to.equal(204);
    await stack.addBackend('reloader_2');
    expect(await status('mindful', 'mindful_1')).to.contain('DRAIN');
  });

  it('gates a filled slot until its check has passed', async () => {
    const servers = { gated_1: slot('gated_1', { check: 'enabled', inter: 300, rise: 2 }) };
    await stack.addBackend('gated', { servers });
    const runtime = '/runtime/backends/gated/servers/gated_1';
    expect((await stack.ask('PUT', runtime, { admin_state: 'drain' })).status).to.equal(200);
    const down = await stack.ask('PUT', runtime, { operational_state: 'down' });
    expect(down.status).to.equal(200);
    const filled = slot('gated_1', {
      port,
      maintenance: 'disabled',
      check: 'enabled',
      inter: 300,
      rise: 2,
    });
    const query = `version=${await stack.version()}`;
    const config = `/configuration/backends/gated/servers/gated_1?${query}`;
    expect((await stack.ask('PUT', config, filled)).status).to.equal(200);
    expect(await status('gated', 'gated_1')).to.match(/^DOWN/);
    await up('gated', 'gated_1');
  });

  it("sets a server's health before its state, if one request asks for both", async () => {
    const servers = { both_1: slot('both_1', { port, check: 'enabled', inter: 60_000, rise: 2 }) };
    await stack.addBackend('both', { servers });
    const runtime = '/runtime/backends/both/servers/both_1';
    const put = async (state: string): Promise<void> => {
      const body = { operational_state: 'down', admin_state: state };
      expect((await stack.ask('PUT', runtime, body)).status).to.equal(200);
    };
    // Whatever leaves maintenance is UP from then on.
    await put('ready');
    expect(await status('both', 'both_1')).to.match(/^UP/);
    expect((await stack.ask('PUT', runtime, { admin_state: 'drain' })).status).to.equal(200);
    await put('ready');
    expect(await status('both', 'both_1')).to.match(/^DOWN/);
  });
});
