import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import { upload, useStack } from './stack.js';

describe('data plane: maps and files', () => {
  const stack = useStack();
  const entries = '/runtime/maps/hosts.map/entries';
  const file = () => join(stack.dp.dirs.maps, 'hosts.map');
  const onDisk = async () => (await readFile(file(), 'utf8')).trim().split('\n').sort();
  const atRuntime = async () =>
    ((await stack.ask('GET', entries)).body as { key: string; value: string }[]).map(
      ({ key, value }) => `${key} ${value}`,
    );

  before(async () => {
    const created = await stack.ask('POST', '/storage/maps', upload('a.test one\n', 'hosts.map'));
    expect(created.status).to.equal(201);
    const host = `req.hdr(host),field(1,:),lower,map(${file()})`;
    const rule = { name: `%[${host}]`, cond: 'if', cond_test: `{ ${host} -m found }` };
    const path = '/configuration/frontends/http_front/backend_switching_rules/0';
    const query = `force_reload=true&version=${await stack.version()}`;
    expect((await stack.ask('POST', `${path}?${query}`, rule)).status).to.equal(201);
  });

  it('answers 409 to a file that is there, and 404 to one that is not', async () => {
    const again = await stack.ask('POST', '/storage/maps', upload('', 'hosts.map'));
    expect(again.status).to.equal(409);
    expect((await stack.ask('GET', '/storage/maps/none.map')).status).to.equal(404);
    expect((await stack.ask('GET', '/storage/maps/hosts.map')).body).to.equal('a.test one\n');
  });

  it('changes entries at runtime and on disk without a reload or a new version', async () => {
    const [worker, version] = [await stack.dp.haproxy.workerPid(), await stack.version()];
    const statuses = [
      await stack.ask('POST', `${entries}?force_sync=true`, { key: 'b.test', value: 'two' }),
      await stack.ask('PUT', `${entries}/a.test?force_sync=true`, { value: 'three' }),
    ].map(({ status }) => status);
    expect(statuses).to.deep.equal([201, 200]);
    expect(await atRuntime()).to.have.members(['a.test three', 'b.test two']);
    expect(await onDisk()).to.deep.equal(['a.test three', 'b.test two']);
    const gone = await stack.ask('DELETE', `${entries}/b.test?force_sync=true`);
    expect(gone.status).to.equal(204);
    expect(await onDisk()).to.deep.equal(['a.test three']);
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
    expect(await stack.version()).to.equal(version);
  });

  it('appends a small PUT of a whole map to what is there: the first of two still wins', async () => {
    const answer = await stack.ask('PUT', '/runtime/maps/hosts.map', [
      { key: 'a.test', value: 'late' },
    ]);
    expect(answer.status).to.equal(201);
    expect(await atRuntime()).to.deep.equal(['a.test three', 'a.test late']);
  });

  it('replaces by a PUT of more than 8192 bytes', async () => {
    const many = Array.from({ length: 600 }, (_, i) => ({ key: `host-${i}.test`, value: 'many' }));
    const answer = await stack.ask('PUT', '/runtime/maps/hosts.map?force_sync=true', many);
    expect(answer.status).to.equal(201);
    expect(await atRuntime()).to.have.length(600);
    expect(await onDisk()).to.have.length(600);
  });

  it('routes by the entry that it was just given', async () => {
    await stack.ask('POST', entries, { key: '127.0.0.1', value: 'operator_api' });
    const answer = await fetch(`http://127.0.0.1:${stack.dp.frontendPort}/`);
    expect(await answer.text()).to.equal('operator api');
  });

  it('writes entries of a regex map to its file too', async () => {
    const regex = join(stack.dp.dirs.maps, 'regex.map');
    await stack.ask('POST', '/storage/maps', upload('^a\\.test$ one\n', 'regex.map'));
    const look = `req.hdr(host),lower,map_reg(${regex})`;
    const rule = { name: `%[${look}]`, cond: 'if', cond_test: `{ ${look} -m found }` };
    const path = '/configuration/frontends/http_front/backend_switching_rules/1';
    const query = `force_reload=true&version=${await stack.version()}`;
    expect((await stack.ask('POST', `${path}?${query}`, rule)).status).to.equal(201);
    const at = '/runtime/maps/regex.map/entries';
    const lines = async () => (await readFile(regex, 'utf8')).trim().split('\n').sort();
    const add = (key: string) => stack.ask('POST', `${at}?force_sync=true`, { key, value: 'two' });
    // HAProxy's command line takes one backslash away, so that it must be given two.
    expect((await add('^b[0-9]+\\.test$')).status).to.equal(201);
    expect((await add('^c[0-9]+\\\\.test$')).status).to.equal(201);
    expect(await lines()).to.deep.equal([
      '^a\\.test$ one',
      '^b[0-9]+.test$ two',
      '^c[0-9]+\\.test$ two',
    ]);
  });

  it('can never delete an entry whose key has a character that paths may not have', async () => {
    const keys = { 'a\\\\.b': 204, '^a': 204, a$: 422, 'a{2}': 422, 'a;': 422 };
    for (const [key, status] of Object.entries(keys)) {
      const added = await stack.ask('POST', entries, { key, value: 'one' });
      if (added.status !== 201) continue;
      const path = `${entries}/${encodeURIComponent(key)}`;
      expect((await stack.ask('DELETE', path)).status, key).to.equal(status);
    }
  });

  it('empties a map at runtime', async () => {
    const answer = await stack.ask('DELETE', '/runtime/maps/hosts.map?force_sync=true');
    expect(answer.status).to.equal(204);
    expect(await atRuntime()).to.deep.equal([]);
  });

  it('refuses an entry for a map that HAProxy has not loaded', async () => {
    const path = '/runtime/maps/none.map/entries';
    expect((await stack.ask('POST', path, { key: 'a', value: 'b' })).status).to.equal(400);
    expect((await stack.ask('GET', path)).status).to.equal(404);
  });

  it('keeps a map that the configuration names', async () => {
    expect((await stack.ask('DELETE', '/storage/maps/hosts.map')).status).to.equal(409);
  });

  it('replaces a map file without a reload', async () => {
    const path = '/storage/maps/hosts.map?skip_reload=true';
    expect((await stack.ask('PUT', path, 'c.test four\n')).status).to.equal(204);
    expect(await onDisk()).to.deep.equal(['c.test four']);
  });

  it('writes a general file without a reload, once it has been made', async () => {
    const path = '/storage/general/server-state';
    const early = await stack.ask('PUT', `${path}?skip_reload=true`, upload('1\n', 'server-state'));
    expect(early.status).to.equal(404);
    const made = await stack.ask('POST', '/storage/general', upload('1\n', 'server-state'));
    expect(made.status).to.equal(201);
    const form = upload('1\n# more\n', 'server-state');
    expect((await stack.ask('PUT', `${path}?skip_reload=true`, form)).status).to.equal(204);
    expect(await readFile(stack.dp.dirs.serverStateFile, 'utf8')).to.equal('1\n# more\n');
  });
});
