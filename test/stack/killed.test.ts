import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import type { SeenRequest, Verdict } from '../../fixtures/stack/interceptor.js';
import { waitFor } from '../../fixtures/process.js';
import { domainOf } from '../../fixtures/stack.js';
import { allocOf, at, until } from './helpers.js';
import { useStack } from './stack.js';

/** R1.6: the process may end at any instruction; the next one finishes the job. */
describe('the program, when it ends in the middle of a pass', function () {
  this.timeout(120_000);
  const stack = useStack();
  let app: App;
  let operators: string;

  beforeEach(async () => {
    app = await stack().app('a');
    operators = await operatorsAnswer();
    stack().serve('web', [app]);
  });

  const operatorsAnswer = async (): Promise<string> =>
    JSON.stringify([
      await stack().request('any.example.com', '/operator'),
      await stack().request('any.example.com'),
    ]);

  /** Holds the first request that fits, before or after it was done; resolves when it is there. */
  const hold = (
    fits: (seen: SeenRequest) => boolean,
    after: boolean,
  ): { reached: Promise<void>; release: () => void } => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const reached = new Promise<void>((resolve) => {
      stack().proxy.onRequest(async (seen): Promise<Verdict> => {
        if (!fits(seen)) return undefined;
        stack().proxy.onRequest(undefined);
        if (after) await stack().dp.send(seen.method, `${seen.path}?${seen.query}`);
        resolve();
        await released;
        return after ? 'cut' : undefined;
      });
    });
    return { reached, release };
  };
  const isCommit = ({ method, path }: SeenRequest): boolean =>
    method === 'PUT' && path.includes('/transactions/');
  const edits =
    (what: string) =>
    ({ method, path }: SeenRequest): boolean =>
      method !== 'GET' && path.includes(what);

  const moments: Record<string, readonly [(seen: SeenRequest) => boolean, after: boolean]> = {
    'before its first edit': [edits('/configuration/backends'), false],
    'before its rule': [edits('/backend_switching_rules'), false],
    'when the map was written': [edits('/storage/general'), false],
    'before the commit': [isCommit, false],
    'after the commit': [isCommit, true],
  };
  for (const [when, [fits, after]] of Object.entries(moments)) {
    it(`is killed ${when}: the next one converges`, async () => {
      const { reached, release } = hold(fits, after);
      const first = await stack().spawnConnector(['--http-listen', 'off']);
      await reached;
      await first.stop('SIGKILL');
      release();
      const next = stack().passes();
      // What the killed one had sent may be done only now, and then it is a conflict.
      await waitFor('a pass without a conflict', () => next.run());
      await stack().waitServed(domainOf('web'), [app]);
      expect(await stack().openTransactions()).to.deep.equal([]);
      expect(await operatorsAnswer()).to.equal(operators);
      expect((await next.run()).plan.steps).to.deep.equal([]);
    });
  }

  it('is asked to stop in a pass: the pass is finished, and it exits 0', async () => {
    const { reached, release } = hold(isCommit, false);
    const program = await stack().spawnConnector(['--http-listen', 'off']);
    await reached;
    const stopped = program.stop('SIGTERM', 20_000);
    release();
    await stopped;
    expect(await program.exited).to.deep.equal({ code: 0, signal: null });
    expect(await stack().openTransactions()).to.deep.equal([]);
    await stack().waitServed(domainOf('web'), [app]);
  });

  it('is asked to stop while HAProxy is asked which drains have ended: it waits for no answer', async () => {
    const old = await stack().app('old');
    stack().serve('both', [app, old]);
    const program = await stack().spawnConnector(['--http-listen', 'off']);
    await stack().waitBalanced(domainOf('both'), [app, old]);
    const { reached, release } = hold(({ path }) => path.endsWith('/stats/native'), false);
    stack().nomad.stopAlloc(allocOf(stack().nomad, old));
    await reached;
    await program.stop('SIGTERM');
    release();
    expect(await program.exited).to.deep.equal({ code: 0, signal: null });
  });

  it('is stopped when a pass hangs: the pass is rolled back', async () => {
    const { reached, release } = hold(edits('/backend_switching_rules'), false);
    const connector = stack().connector({ graceMs: 100 });
    await reached;
    await connector.stop();
    release();
    await until(async () => (await stack().openTransactions()).length === 0);
    expect(await stack().configuration()).not.to.include('backend nomad_web');
  });

  it('serves on while it is stopped, and takes up what changed meanwhile', async () => {
    const program = await stack().spawnConnector(['--http-listen', 'off']);
    await stack().waitServed(domainOf('web'), [app]);
    await program.stop('SIGTERM');
    await stack().waitServed(domainOf('web'), [app]);
    const late = await stack().app('late');
    stack().serve('late', [late]);
    await stack().spawnConnector(['--http-listen', 'off']);
    await stack().waitServed(domainOf('late'), [late]);
  });

  it('is killed while it fills a slot: the next one fills it', async () => {
    const first = stack().passes();
    await first.run();
    const late = await stack().app('late');
    const web = stack().serve('other', [app]);
    await first.run();
    web.addInstance(at(late));
    const { reached, release } = hold(edits('/configuration/raw'), false);
    const killed = await stack().spawnConnector(['--http-listen', 'off']);
    await reached;
    await killed.stop('SIGKILL');
    release();
    const next = await stack().run(['--once']);
    expect(next.code, next.stderr).to.equal(0);
    await stack().waitBalanced(domainOf('other'), [app, late]);
  });
});
