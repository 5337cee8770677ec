import { appendFile } from 'node:fs/promises';
import { type AddressInfo, type Server, createServer } from 'node:net';

import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import { backend, messageOf, useStack, verdict } from './stack.js';

describe('data plane: reloads', () => {
  const stack = useStack();
  const full = '/configuration/backends?full_section=true';
  const loaded = () => stack.dp.haproxy.runtimeCommand('show backend');
  const onDisk = async () => Number(/# _version=(\d+)/.exec(await stack.raw())?.[1]);

  it('reloads before the answer when forced', async () => {
    const worker = await stack.dp.haproxy.workerPid();
    await stack.addBackend('forced');
    expect(await loaded()).to.contain('forced');
    expect(await stack.dp.haproxy.workerPid()).to.not.equal(worker);
  });

  it('reloads later otherwise, under an id whose verdict can be asked for', async () => {
    const query = `${full}&version=${await stack.version()}`;
    const answer = await stack.ask('POST', query, backend('later'));
    expect(answer.status).to.equal(202);
    expect(answer.headers.get('reload-id')).to.match(/^\d{4}-\d\d-\d\d-\d+$/);
    expect(await verdict(stack, answer)).to.equal('succeeded');
    expect(await loaded()).to.contain('later');
  });

  it('knows no reload that it has not made', async () => {
    expect((await stack.ask('GET', '/reloads/2001-01-01-1000')).status).to.be.oneOf([200, 404]);
    expect((await stack.ask('GET', '/reloads/nonsense')).status).to.equal(422);
  });

  it('sees a hand edit, and gives it a version', async () => {
    const version = await stack.version();
    await appendFile(stack.dp.dirs.config, '\nbackend by_hand\n  mode http\n');
    await waitFor('a new version', async () => (await stack.version()) > version);
    expect((await stack.ask('GET', '/configuration/backends/by_hand')).status).to.equal(200);
    expect(await loaded()).to.not.contain('by_hand');
  });

  it('keeps open transactions over a crash', async () => {
    const t = await stack.begin();
    await stack.ask('POST', `${full}&transaction_id=${t}`, backend('survivor'));
    await stack.dp.killDataPlane();
    await stack.dp.startDataPlane();
    const open = (await stack.ask('GET', '/transactions')).body as { id: string }[];
    expect(open.map(({ id }) => id)).to.deep.equal([t]);
    expect((await stack.ask('PUT', `/transactions/${t}?force_reload=true`)).status).to.equal(200);
    expect(await loaded()).to.contain('survivor');
  });

  describe('with a port that is taken', () => {
    let thief: Server;
    const stealing = () => ({
      name: 'stolen',
      address: '127.0.0.1',
      port: (thief.address() as AddressInfo).port,
    });
    const bind = async (query: string) =>
      stack.ask(
        'POST',
        `/configuration/frontends/http_front/binds?version=${await stack.version()}${query}`,
        stealing(),
      );

    before((done) => {
      thief = createServer().listen(0, '127.0.0.1', () => done());
    });
    after((done) => void thief.close(done));

    it('fails to load what is valid, and puts the last good file back', async () => {
      const before = await onDisk();
      const answer = await bind('&force_reload=true');
      expect(answer.status).to.equal(400);
      expect(messageOf(answer)).to.contain('Reload failed');
      expect(await onDisk()).to.equal(before);
      expect(await stack.raw()).to.not.contain('stolen');
    });

    it('is poisoned then: it still holds what failed, and an innocent change fails too', async () => {
      expect(await stack.version()).to.not.equal(await onDisk());
      const query = `${full}&force_reload=true&version=${await stack.version()}`;
      const answer = await stack.ask('POST', query, backend('innocent'));
      expect(answer.status).to.equal(400);
      expect(messageOf(answer)).to.contain('Reload failed');
    });

    it('is repaired by a POST of the good file', async () => {
      const query = `skip_reload=true&version=${await stack.version()}`;
      const answer = await stack.ask('POST', `/configuration/raw?${query}`, await stack.raw());
      expect(answer.status).to.equal(201);
      expect(await stack.version()).to.equal(await onDisk());
      await stack.addBackend('innocent');
      expect(await loaded()).to.contain('innocent');
    });

    it('tells of a delayed reload that failed', async () => {
      const answer = await bind('');
      expect(answer.status).to.equal(202);
      expect(await verdict(stack, answer)).to.equal('failed');
    });
  });
});

describe('data plane: a delayed reload that is lost', () => {
  const stack = useStack({ reloadDelayMs: 60_000 });

  it('is forgotten in a crash, and an empty transaction loads what is on disk', async () => {
    const query = `full_section=true&version=${await stack.version()}`;
    const answer = await stack.ask('POST', `/configuration/backends?${query}`, backend('lost'));
    expect(answer.status).to.equal(202);
    const id = answer.headers.get('reload-id');
    const pending = await stack.ask('GET', `/reloads/${id}`);
    expect((pending.body as { status: string }).status).to.equal('in_progress');
    await stack.dp.killDataPlane();
    await stack.dp.startDataPlane();
    expect((await stack.ask('GET', `/reloads/${id}`)).status).to.equal(404);
    expect(await stack.raw()).to.contain('backend lost');
    const loaded = () => stack.dp.haproxy.runtimeCommand('show backend');
    expect(await loaded()).to.not.contain('lost');
    const t = await stack.begin();
    expect((await stack.ask('PUT', `/transactions/${t}?force_reload=true`)).status).to.equal(200);
    expect(await loaded()).to.contain('lost');
  });
});
