/** What a leader may write, and what stops one that was overtaken. */

import { expect } from 'chai';

import { assemble } from '../../src/assembly.js';
import type { Office } from '../../src/leader/office.js';
import type { Picture } from '../../src/pass/picture.js';
import { asConnectorError } from '../../src/shared/errors.js';
import { onePass } from '../../fixtures/stack/connector.js';
import { domainOf } from '../../fixtures/stack.js';
import { until } from './helpers.js';
import { useStack } from './stack.js';

const services = '/v3/services/haproxy';
const never = new AbortController().signal;

describe('the term of a leader', function () {
  this.timeout(120_000);
  const stack = useStack();
  const closers: (() => void)[] = [];
  afterEach(() => closers.splice(0).forEach((close) => close()));

  /** A process with a memory of its own. */
  function processOf(office: () => Office | undefined): () => Promise<Picture> {
    const { nomad, pass } = assemble(stack().settings, { writes: true, office });
    closers.push(() => nomad.close());
    return () => onePass(pass, never);
  }

  function officeOf(term: number, more: Partial<Office> = {}): () => Office {
    return () => ({ term, mayWrite: () => true, confirm: () => Promise.resolve(false), ...more });
  }

  async function version(): Promise<number> {
    return (await stack().dp.send('GET', `${services}/configuration/version`)).body as number;
  }

  async function begin(): Promise<void> {
    stack().serve('web', [await stack().app('a')]);
    const pass = processOf(officeOf(50));
    await pass();
    expect(await stack().configuration()).to.include('"term":50');
    // Once its server is UP, the server state file is written again.
    await stack().waitServed(domainOf('web'));
    await pass();
  }

  it('is written by the first pass of a term, once and without a reload', async () => {
    await begin();
    const worker = await stack().dp.haproxy.workerPid();
    const next = processOf(officeOf(60));
    stack().proxy.clear();
    expect((await next()).plan.steps).to.deep.equal([]);
    expect(await stack().configuration()).to.include('"term":60');
    const edits = stack().proxy.writes();
    expect(edits.filter(({ path }) => path.includes('/configuration/'))).to.have.length(1);
    stack().proxy.clear();
    await next();
    expect(stack().proxy.writes()).to.deep.equal([]);
    expect(await stack().dp.haproxy.workerPid()).to.equal(worker);
  });

  it('is kept by every later commit', async () => {
    await begin();
    const next = processOf(officeOf(60));
    await next();
    stack().serve('shop', [await stack().app('b')]);
    await next();
    expect(await stack().configuration()).to.include('"term":60');
    await stack().waitServed(domainOf('shop'));
  });

  it('fences off all that an earlier leader has under way', async () => {
    await begin();
    const { dp } = stack();
    const old = await version();
    const open = (await dp.send('POST', `${services}/transactions?version=${old}`)).body as {
      id: string;
    };
    const backend = `${services}/configuration/backends/nomad_web`;
    const text = await stack().configuration();
    const edit = await dp.send('DELETE', `${backend}?transaction_id=${open.id}`);
    expect(edit.status).to.be.lessThan(300);
    await processOf(officeOf(60))();
    const sent = [
      await dp.send('PUT', `${services}/transactions/${open.id}?force_reload=true`),
      await dp.send('POST', `${services}/configuration/raw?version=${old}&skip_reload=true`, text),
      await dp.send('POST', `${backend}/servers?version=${old}`, {
        name: 'x',
        address: '127.0.0.1',
      }),
      await dp.send('DELETE', `${backend}?version=${old}`),
      await dp.send('POST', `${services}/transactions?version=${old}`),
    ];
    // A transaction that the new leader has swept away is unknown.
    const statuses = sent.map(({ status }) => status);
    expect(statuses.slice(1)).to.deep.equal([409, 409, 409, 409]);
    expect([404, 406, 409]).to.include(statuses[0]);
    expect(await stack().configuration()).to.include('backend nomad_web');
  });

  it('a later one in a read ends the pass of an earlier leader, which writes nothing', async () => {
    await begin();
    const old = processOf(officeOf(50));
    await old();
    await processOf(officeOf(60))();
    stack().serve('shop', [await stack().app('b')]);
    stack().proxy.clear();
    const error = await old().catch(asConnectorError);
    expect(error).to.include({ code: 'not-leader', retryable: true });
    expect((error as Error).message).to.include('term 60');
    expect(stack().proxy.writes()).to.deep.equal([]);
  });

  it('a restored Nomad counts from less: the lock decides', async () => {
    await begin();
    const refused = await processOf(officeOf(20))().catch(asConnectorError);
    expect(refused).to.include({ code: 'not-leader' });
    await processOf(officeOf(20, { confirm: () => Promise.resolve(true) }))();
    expect(await stack().configuration()).to.include('"term":20');
  });

  it('lost in the middle of a pass: nothing more is written, and no transaction stays', async () => {
    await begin();
    stack().serve('shop', [await stack().app('b')]);
    let mayWrite = true;
    stack().proxy.onRequest(({ method, path }) => {
      if (method === 'POST' && path.endsWith('/transactions')) mayWrite = false;
      return undefined;
    });
    const pass = processOf(officeOf(50, { mayWrite: () => mayWrite }));
    const error = await pass().catch(asConnectorError);
    stack().proxy.onRequest(undefined);
    expect(error).to.include({ code: 'not-leader' });
    await until(async () => (await stack().openTransactions()).length === 0);
    expect(await stack().configuration()).not.to.include('backend nomad_shop');
    mayWrite = true;
    await pass();
    await stack().waitServed(domainOf('shop'));
  });

  it('a standby reads, and sends nothing else', async () => {
    await begin();
    const pass = processOf(() => undefined);
    stack().serve('shop', [await stack().app('b')]);
    stack().proxy.clear();
    const { plan, rest } = await pass();
    expect([plan.steps, rest.steps]).to.deep.equal([[], []]);
    expect(stack().proxy.writes()).to.deep.equal([]);
    expect(stack().proxy.seen()).not.to.deep.equal([]);
  });
});
