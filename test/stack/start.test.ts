import { expect } from 'chai';

import { domainOf } from '../../fixtures/stack.js';
import { bulkFrom } from '../../src/apply/bulk.js';
import { until } from './helpers.js';
import { useStack } from './stack.js';

/** What changes the configuration for good: a transaction's end, or a whole file. */
function isCommit({ method, path }: { readonly method: string; readonly path: string }): boolean {
  if (method === 'PUT') return /\/transactions\/[^/]+$/.test(path);
  return method === 'POST' && path.endsWith('/configuration/raw');
}

/** R1.3, R1.5: what a start costs, and that nothing to do costs next to nothing. */
describe('the loop, at its start', () => {
  const stack = useStack();

  it('S1: services that were there before it are routed', async () => {
    const apps = [await stack().app('web-1'), await stack().app('web-2')];
    stack().serve('web', apps);
    stack().connector();
    await stack().waitBalanced(domainOf('web'), apps);
  });

  for (const count of [10, 100, 500]) {
    const what = count < bulkFrom ? 'one transaction' : 'one commit (ADR 0009)';
    it(`${count} services x 2: ${what}, one reload, all routed, then no write`, async function () {
      this.timeout(120_000);
      const names = Array.from({ length: count }, (_, at) => `svc${at}`);
      const apps = [await stack().app('a'), await stack().app('b')];
      for (const name of names) stack().serve(name, apps);
      const worker = await stack().dp.haproxy.workerPid();
      const passes = stack().passes();

      const first = await passes.run();
      expect(first.rest.steps).to.deep.equal([]);
      expect(first.plan.skipped).to.deep.equal([]);
      const writes = stack().proxy.writes();
      const opened = writes.filter(
        ({ method, path }) => method === 'POST' && path.endsWith('/transactions'),
      );
      if (count < bulkFrom) expect(opened).to.have.lengthOf(1);
      expect(writes.filter(({ query }) => query.includes('force_reload'))).to.have.lengthOf(1);
      const commits = writes.filter(isCommit);
      expect(commits).to.have.lengthOf(1);
      expect(await stack().openTransactions()).to.deep.equal([]);
      expect(await stack().dp.haproxy.workerPid()).not.to.equal(worker);
      for (const name of names) await stack().waitServed(domainOf(name), apps);

      // Servers have come UP since, and a cold start should know; then there is nothing left to do.
      await passes.run();
      stack().proxy.clear();
      stack().nomad.requests.reset();
      const second = await passes.run();
      expect(second.plan.steps).to.deep.equal([]);
      expect(stack().nomad.requests.all).to.have.lengthOf(3);
      expect(stack().proxy.writes()).to.deep.equal([]);
      expect(stack().proxy.seen()).to.have.lengthOf.at.most(5);
    });
  }

  it('S24: Nomad answered 500 at the start, and all is there once it does not', async () => {
    const { nomad, proxy } = stack();
    const app = await stack().app('web-1');
    stack().serve('web', [app]);
    nomad.faults.http500 = true;
    const connector = stack().connector();
    await until(() => connector.failures.length >= 3);
    expect(connector.failures[0]?.code).to.equal('nomad-failed');
    expect(proxy.writes()).to.deep.equal([]);
    nomad.faults.clear();
    await stack().waitServed(domainOf('web'), [app]);
  });

  it('S7: the load balancer comes long after the connector', async () => {
    const app = await stack().app('web-1');
    stack().serve('web', [app]);
    await stack().dp.killDataPlane();
    await stack().dp.stopHaproxy();
    const connector = stack().connector();
    await until(() => connector.failures.length >= 3);
    expect(connector.failures[0]?.code).to.equal('haproxy-unreachable');
    await stack().dp.startHaproxy();
    await stack().dp.startDataPlane();
    await stack().waitServed(domainOf('web'), [app]);
  });

  it('S25: it has not converged as long as the frontend is missing', async () => {
    stack().serve('web', [await stack().app('web-1')]);
    const passes = stack().passes({
      settings: (one) => ({ ...one, haproxy: { ...one.haproxy, frontends: ['nowhere'] } }),
    });
    const { rest } = await passes.run();
    expect(rest.problems.map(({ code }) => code)).to.deep.equal(['frontend-missing']);
  });
});
