/** One connector, two HAProxies. */

import { expect } from 'chai';

import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy, type HaproxySeries } from '../../fixtures/haproxy/find.js';
import { type Stack, domainOf, requestThrough, startStack } from '../../fixtures/stack.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import type { Settings } from '../../src/config/types.js';
import { until } from './helpers.js';

describe('two HAProxies', () => {
  let stack: Stack;
  let other: DataPlane;
  let connector: Connector;
  const both = (): readonly DataPlane[] => [stack.dp, other];

  before(async function () {
    this.timeout(120_000);
    stack = await startStack();
    const series = process.env['HAPROXY_SERIES'] as HaproxySeries | undefined;
    other = await startDataPlane({ haproxy: await findHaproxy(series) });
    connector = stack.connector({ settings: withTargets });
  });
  after(async () => {
    await connector?.stop();
    await other?.close();
    await stack?.close();
  });

  function withTargets(settings: Settings): Settings {
    const target = settings.targets[0]!;
    const second = { ...target, name: 'edge-2', address: other.url };
    return { ...settings, targets: [{ ...target, name: 'edge-1' }, second] };
  }

  async function servedBy(dp: DataPlane, service: string): Promise<boolean> {
    return (await requestThrough(dp.frontendPort, domainOf(service), '/')).status === 200;
  }

  it('get the same routes, from one read of the catalog', async () => {
    stack.serve('web', [await stack.app('web')]);
    for (const dp of both()) await until(() => servedBy(dp, 'web'));
    await until(() => connector.results.length > 0 && lastOf('edge-1') && lastOf('edge-2'));
  });

  it('are as fast as ever where the other one hangs', async () => {
    other.signalDataPlane('SIGSTOP');
    try {
      stack.serve('shop', [await stack.app('shop')]);
      await until(() => servedBy(stack.dp, 'shop'), { timeoutMs: 8000 });
      expect(await servedBy(other, 'shop')).to.equal(false);
    } finally {
      other.signalDataPlane('SIGCONT');
    }
    await until(() => servedBy(other, 'shop'), { timeoutMs: 30_000 });
  });

  it('are reconciled each by itself', async () => {
    await other.stopHaproxy();
    stack.serve('third', [await stack.app('third')]);
    await until(() => servedBy(stack.dp, 'third'));
    await other.startHaproxy();
    await until(() => servedBy(other, 'third').catch(() => false), { timeoutMs: 60_000 });
  });

  it('both lose what Nomad lost', async () => {
    stack.nomad.removeService('shop');
    for (const dp of both()) {
      await until(async () => !(await servedBy(dp, 'shop')), { timeoutMs: 30_000 });
    }
    for (const dp of both()) expect(await servedBy(dp, 'web')).to.equal(true);
  });

  function lastOf(target: string): boolean {
    const last = connector.results.filter((one) => one.target === target).at(-1);
    return last !== undefined && last.rest.steps.length === 0;
  }
});
