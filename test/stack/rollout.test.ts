/** One connector, three HAProxies: the first by name is the canary. */

import { readFile } from 'node:fs/promises';

import { expect } from 'chai';

import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy, type HaproxySeries } from '../../fixtures/haproxy/find.js';
import {
  type Stack,
  domainOf,
  enabledTags,
  requestThrough,
  startStack,
} from '../../fixtures/stack.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import type { Settings } from '../../src/config/types.js';
import type { Picture } from '../../src/pass/picture.js';
import { reloadsOf, until } from './helpers.js';

/** Nobody but HAProxy itself can know that two tables may not have one name. */
const table = '\nfrontend nomad_bad\n  mode http\n  stick-table type ip size 1k\n';

/** R8.2 */
describe('changes of three HAProxies', function () {
  this.timeout(90_000);
  let stack: Stack;
  let others: DataPlane[];
  let connector: Connector;
  const edges = ['edge-1', 'edge-2', 'edge-3'];
  const dps = (): readonly DataPlane[] => [stack.dp, ...others];

  before(async function () {
    this.timeout(300_000);
    stack = await startStack();
    const haproxy = await findHaproxy(process.env['HAPROXY_SERIES'] as HaproxySeries | undefined);
    others = [await startDataPlane({ haproxy }), await startDataPlane({ haproxy })];
    stack.serve('web', [await stack.app('web')]);
    connector = start({});
    for (const dp of dps()) await until(() => servedBy(dp, 'web'));
    await until(() => edges.every(isDone));
  });
  after(async () => {
    await connector?.stop();
    for (const dp of others ?? []) await dp.close();
    await stack?.close();
  });

  function start(rollout: Partial<Settings['rollout']>): Connector {
    const settings = (given: Settings): Settings => {
      const [target] = given.targets;
      if (target === undefined) throw new Error('there is one');
      const [first, ...rest] = dps().map(({ url }, at) => {
        return { ...target, name: edges[at] ?? '', address: url };
      });
      if (first === undefined) throw new Error('there are three');
      return {
        ...given,
        targets: [first, ...rest],
        rollout: { ...given.rollout, settleMs: 200, ...rollout },
      };
    };
    return stack.connector({ settings });
  }

  async function servedBy(dp: DataPlane, service: string, body?: string): Promise<boolean> {
    const response = await requestThrough(dp.frontendPort, domainOf(service), '/').catch(
      () => undefined,
    );
    return response?.status === 200 && (body === undefined || response.body.includes(body));
  }

  const picturesOf = (edge: string): readonly Picture[] =>
    connector.results.filter(({ target }) => target === edge);
  const isDone = (edge: string): boolean => picturesOf(edge).at(-1)?.rest.steps.length === 0;
  const reloads = (): Promise<readonly number[]> =>
    Promise.all(dps().map((dp) => reloadsOf({ dp })));

  it('reach the canary first, then the others by name, with a reload each', async () => {
    const before = await reloads();
    const seen = connector.results.length;
    stack.serve('shop', [await stack.app('shop')]);
    for (const dp of dps()) await until(() => servedBy(dp, 'shop'));
    await until(() => edges.every(isDone));
    const reloaded = connector.results.slice(seen).filter((one) => one.reloads.length > 0);
    expect(reloaded.map(({ target }) => target)).to.deep.equal(edges);
    expect(await reloads()).to.deep.equal(before.map((count) => count + 1));
  });

  it('do nothing to HAProxies in sync when the connector starts', async () => {
    await connector.stop();
    const before = await reloads();
    const files = await Promise.all(dps().map(configurationOf));
    connector = start({});
    await until(() => edges.every(isDone));
    expect(await reloads()).to.deep.equal(before);
    expect(await Promise.all(dps().map(configurationOf))).to.deep.equal(files);
  });

  it('reach all at once where they need no reload, whatever waits', async () => {
    await connector.stop();
    connector = start({ settleMs: 600_000 });
    await until(() => edges.every(isDone));
    stack.serve('slow', [await stack.app('slow')]);
    await until(() => servedBy(stack.dp, 'slow'));
    await until(() => edges.slice(1).every((edge) => !isDone(edge)));
    const fresh = await stack.app('fresh');
    stack.serve('web', [fresh]);
    for (const dp of dps()) await until(() => servedBy(dp, 'web', 'fresh'));
    for (const dp of others) expect(await servedBy(dp, 'slow')).to.equal(false);
    const { rest } = picturesOf('edge-3').at(-1) ?? {};
    expect(rest?.gathering?.rollout).to.deep.equal({ for: ['edge-1'], services: ['default/slow'] });
    await connector.stop();
    connector = start({});
    for (const dp of others) await until(() => servedBy(dp, 'slow'));
  });

  it('that the canary refuses are tried on no other, until it takes them', async () => {
    const before = await reloads();
    await stack.editConfiguration((text) => text + table);
    const app = await stack.app('bad');
    stack.serve('bad', [app], { tags: [...enabledTags('bad'), 'haproxy.rate-limit=100/1m'] });
    const reasonOn = (edge: string): string | undefined =>
      picturesOf(edge)
        .at(-1)
        ?.rest.skipped.find(({ service }) => service === 'default/bad')?.reason;
    await until(() => edges.every((edge) => reasonOn(edge) !== undefined && isDone(edge)));
    expect(reasonOn('edge-2')).to.match(/^refused by edge-1: /);
    expect((await reloads()).slice(1)).to.deep.equal(before.slice(1));
    stack.serve('good', [app]);
    for (const dp of dps()) await until(() => servedBy(dp, 'good'));
    for (const dp of others) expect(await servedBy(dp, 'bad')).to.equal(false);
    await stack.editConfiguration((text) =>
      text.replace(/^frontend nomad_bad.*\n( {2}.*\n)+/m, ''),
    );
    for (const dp of dps()) await until(() => servedBy(dp, 'bad'));
  });

  it('go on with the next by name where the canary is down, and come to it when it is back', async () => {
    await stack.dp.stopHaproxy();
    stack.serve('late', [await stack.app('late')]);
    for (const dp of others) await until(() => servedBy(dp, 'late'));
    await stack.dp.startHaproxy();
    await until(() => servedBy(stack.dp, 'late'), { timeoutMs: 60_000 });
  });

  it('wait where the canary dies with a change that has not settled, then go on with the next', async () => {
    await connector.stop();
    connector = start({ settleMs: 600_000 });
    await until(() => edges.every(isDone));
    stack.serve('fatal', [await stack.app('fatal')]);
    await until(() => servedBy(stack.dp, 'fatal'));
    await until(() => edges.slice(1).every((edge) => !isDone(edge)));
    const failures = connector.failures.length;
    await stack.dp.stopHaproxy();
    // A drain, too, waits for nobody.
    stack.serve('web', [await stack.app('alive')]);
    for (const dp of others) await until(() => servedBy(dp, 'web', 'alive'));
    await until(() => connector.failures.length > failures);
    const seen = connector.results.length;
    connector.wake();
    const waiting = (): Picture | undefined =>
      connector.results.slice(seen).find(({ rest }) => rest.gathering?.rollout !== undefined);
    await until(waiting);
    expect(waiting()?.rest.gathering?.rollout?.for).to.include('edge-1');
    await until(() => servedBy(others[0]!, 'fatal'), { timeoutMs: 60_000 });
    await stack.dp.startHaproxy();
    await connector.stop();
    connector = start({});
    for (const dp of dps()) await until(() => servedBy(dp, 'fatal'), { timeoutMs: 60_000 });
  });

  it('go on without a canary that hangs', async () => {
    stack.dp.signalDataPlane('SIGSTOP');
    try {
      stack.serve('later', [await stack.app('later')]);
      for (const dp of others) await until(() => servedBy(dp, 'later'), { timeoutMs: 60_000 });
    } finally {
      stack.dp.signalDataPlane('SIGCONT');
    }
    await until(() => servedBy(stack.dp, 'later'), { timeoutMs: 60_000 });
  });

  function configurationOf({ dirs }: DataPlane): Promise<string> {
    return readFile(dirs.config, 'utf8');
  }
});
