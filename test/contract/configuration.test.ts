import { expect } from 'chai';

import { backend, messageOf, slot, useStack } from './stack.js';

describe('data plane: configuration and transactions', () => {
  const stack = useStack();
  const full = '/configuration/backends?full_section=true';

  it('answers 401 without credentials', async () => {
    const options = { authorization: null };
    const answer = await stack.ask('GET', '/configuration/version', undefined, options);
    expect(answer.status).to.equal(401);
  });

  it('says with each answer which version the configuration has', async () => {
    const version = await stack.version();
    const answer = await stack.ask('GET', '/runtime/info');
    expect(answer.headers.get('configuration-version')).to.equal(String(version));
  });

  it('gives frontends with everything below them', async () => {
    const { body } = await stack.ask('GET', '/configuration/frontends?full_section=true');
    const [frontend] = body as Record<string, unknown>[];
    expect(frontend).to.include({ name: 'http_front', idle_close_on_response: 'enabled' });
    expect(frontend?.['acl_list']).to.have.length(1);
    expect(frontend?.['backend_switching_rule_list']).to.deep.equal([
      { name: 'operator_api', cond: 'if', cond_test: 'operator_path' },
    ]);
    expect(frontend?.['binds']).to.have.property('public');
  });

  it('builds a backend in a transaction and shows it outside only after the commit', async () => {
    const t = await stack.begin();
    const made = await stack.ask('POST', `${full}&transaction_id=${t}`, backend('built'));
    expect(made.status).to.equal(202);
    const inside = await stack.ask('GET', `/configuration/backends/built?transaction_id=${t}`);
    expect(inside.status).to.equal(200);
    expect((await stack.ask('GET', '/configuration/backends/built')).status).to.equal(404);
    const committed = await stack.ask('PUT', `/transactions/${t}?force_reload=true`);
    expect(committed.status).to.equal(200);
    const { body } = await stack.ask('GET', '/configuration/backends/built?full_section=true');
    expect((body as { servers: unknown }).servers).to.have.all.keys('built_1', 'built_2');
    expect(await stack.dp.haproxy.runtimeCommand('show backend')).to.contain('built');
  });

  it('keeps the metadata of a server', async () => {
    const metadata = { owner: 'me', instance: 'abc' };
    const servers = { marked_1: slot('marked_1', { metadata }) };
    await stack.addBackend('marked', { servers, metadata: { owner: 'me' } });
    const { body } = await stack.ask('GET', '/configuration/backends/marked?full_section=true');
    const read = body as { metadata?: unknown; servers: Record<string, { metadata?: unknown }> };
    expect(read.servers['marked_1']?.metadata).to.deep.equal(metadata);
    // Before 3.2 all other objects lose theirs without a word.
    if (read.metadata !== undefined) expect(read.metadata).to.deep.equal({ owner: 'me' });
  });

  it('drops fields that it does not know, and says 202 all the same', async () => {
    const t = await stack.begin();
    const unknown = backend('odd', { no_such_field: 5 });
    expect((await stack.ask('POST', `${full}&transaction_id=${t}`, unknown)).status).to.equal(202);
    const { body } = await stack.ask('GET', `/configuration/backends/odd?transaction_id=${t}`);
    expect(body).to.not.have.property('no_such_field');
    expect((await stack.ask('DELETE', `/transactions/${t}`)).status).to.equal(204);
  });

  it('answers 404 "already exist" to a full POST of a backend that is there, a plain one 409', async () => {
    const t = await stack.begin();
    const operators = backend('operator_api');
    const answer = await stack.ask('POST', `${full}&transaction_id=${t}`, operators);
    expect(answer.status).to.equal(404);
    expect(messageOf(answer)).to.contain('already exist');
    const plain = `/configuration/backends?transaction_id=${t}`;
    expect((await stack.ask('POST', plain, operators)).status).to.equal(409);
    await stack.ask('DELETE', `/transactions/${t}`);
  });

  it('refuses what the schema forbids with 422', async () => {
    const query = `${full}&version=${await stack.version()}`;
    expect((await stack.ask('POST', query, { name: 'x', mode: 'nope' })).status).to.equal(422);
  });

  it('answers 409 to an old version, also for a new transaction', async () => {
    const answers = [
      await stack.ask('POST', `${full}&version=999`, backend('late')),
      await stack.ask('POST', '/transactions?version=999'),
      await stack.ask('POST', '/configuration/raw?version=999', await stack.raw()),
    ];
    expect(answers.map(({ status }) => status)).to.deep.equal([409, 409, 409]);
  });

  it('answers 400 to an edit in a transaction that is not there, 404 to the rest', async () => {
    const edit = await stack.ask('POST', `${full}&transaction_id=gone`, backend('late'));
    expect(edit.status).to.equal(400);
    for (const method of ['GET', 'PUT', 'DELETE']) {
      expect((await stack.ask(method, '/transactions/gone')).status, method).to.equal(404);
    }
  });

  it('lets one of two transactions of one version win, and the other can never be committed', async () => {
    const [one, two] = [await stack.begin(), await stack.begin()];
    expect((await stack.ask('PUT', `/transactions/${one}?force_reload=true`)).status).to.equal(200);
    const late = await stack.ask('PUT', `/transactions/${two}?force_reload=true`);
    expect(late.status).to.equal(406);
    expect(messageOf(late)).to.contain('outdated');
    expect((await stack.ask('DELETE', `/transactions/${two}`)).status).to.equal(204);
  });

  it('rejects a configuration that HAProxy rejects, keeps the transaction as failed, and goes on', async () => {
    const t = await stack.begin();
    const invalid = backend('invalid', {
      servers: { s: slot('s', { ssl: 'enabled', ssl_cafile: '/nope' }) },
    });
    expect((await stack.ask('POST', `${full}&transaction_id=${t}`, invalid)).status).to.equal(202);
    const commit = await stack.ask('PUT', `/transactions/${t}?force_reload=true`);
    expect(commit.status).to.equal(400);
    expect(messageOf(commit)).to.contain('validation error');
    expect((await stack.ask('PUT', `/transactions/${t}`)).status).to.equal(406);
    const failed = (await stack.ask('GET', '/transactions?status=failed')).body as { id: string }[];
    expect(failed.map(({ id }) => id)).to.deep.equal([t]);
    expect((await stack.ask('DELETE', `/transactions/${t}`)).status).to.equal(204);
    await stack.addBackend('valid');
  });

  it('changes the rules of a frontend by index and as a whole, and leaves the others alone', async () => {
    const t = await stack.begin();
    const rules = '/configuration/frontends/http_front/backend_switching_rules';
    const at = (path: string) => `${path}?transaction_id=${t}`;
    const rule = { name: 'operator_default', cond: 'if', cond_test: '{ path /mine }' };
    expect((await stack.ask('POST', at(`${rules}/0`), rule)).status).to.equal(202);
    const list = (await stack.ask('GET', at(rules))).body as { name: string }[];
    expect(list.map(({ name }) => name)).to.deep.equal(['operator_default', 'operator_api']);
    expect((await stack.ask('PUT', at(rules), [list[1]])).status).to.equal(202);
    expect((await stack.ask('DELETE', at(`${rules}/7`))).status).to.be.oneOf([400, 404]);
    expect((await stack.ask('GET', at(rules))).body).to.deep.equal([list[1]]);
    await stack.ask('DELETE', `/transactions/${t}`);
  });

  it("keeps the operator's comments through a write", async () => {
    await stack.addBackend('writer');
    const text = await stack.raw();
    for (const comment of ["# The operator's own file", '# the public address', '# Nothing else']) {
      expect(text).to.contain(comment);
    }
  });

  it('loads nothing when a full PUT of a frontend changes lists only, even if forced', async () => {
    const worker = await stack.dp.haproxy.workerPid();
    const path = '/configuration/frontends/http_front?full_section=true';
    const { body } = await stack.ask('GET', path);
    const more = {
      ...(body as object),
      http_request_rule_list: [{ type: 'deny', deny_status: 403 }],
    };
    const query = `${path}&force_reload=true&version=${await stack.version()}`;
    const answer = await stack.ask('PUT', query, more);
    expect(answer.status).to.equal(200);
    const text = await stack.raw();
    expect(text).to.contain('deny_status 403');
    // The comments inside the section are gone as well.
    expect(text).to.not.contain('# the public address');
    expect(await stack.dp.haproxy.workerPid()).to.equal(worker);
    const undo = `${path}&version=${await stack.version()}`;
    expect((await stack.ask('PUT', undo, body)).status).to.equal(200);
  });

  it('answers 429 to one transaction more than it allows', async () => {
    const opened: string[] = [];
    for (let i = 0; i < 20; i++) opened.push(await stack.begin());
    const more = await stack.ask('POST', `/transactions?version=${await stack.version()}`);
    expect(more.status).to.equal(429);
    for (const id of opened) await stack.ask('DELETE', `/transactions/${id}`);
  });
});
