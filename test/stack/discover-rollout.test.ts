/** HAProxies that Nomad knows get changes in order, also while they are replaced. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect } from 'chai';

import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy, type HaproxySeries } from '../../fixtures/haproxy/find.js';
import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import { freePort } from '../../fixtures/ports.js';
import type { Started } from '../../fixtures/process.js';
import { type Stack, domainOf, requestThrough, startStack } from '../../fixtures/stack.js';
import { until } from './helpers.js';

const service = 'haproxy-dataplane';
const long = { timeoutMs: 60_000 };

/** R8 */
describe('changes of HAProxies that Nomad knows', function () {
  this.timeout(180_000);
  let stack: Stack;
  /** `stack.dp`, and those beside it. */
  let dps: readonly DataPlane[];
  let edges: ServiceHandle;
  let daemon: Started | undefined;
  let port: number;
  const at = ({ url }: DataPlane) => ({ address: '127.0.0.1', port: Number(new URL(url).port) });
  const isServed = async (dp: DataPlane, name: string): Promise<boolean> => {
    const answer = await requestThrough(dp.frontendPort, domainOf(name), '/').catch(
      () => undefined,
    );
    return answer?.status === 200;
  };
  const metrics = async (): Promise<string> =>
    fetch(`http://127.0.0.1:${port}/metrics`).then(
      (answer) => answer.text(),
      () => '',
    );
  const isInSync = async (name: string): Promise<boolean> =>
    (await metrics()).includes(`target_in_sync{haproxy="${name}"} 1`);
  const waits = async (name: string): Promise<boolean> =>
    (await metrics()).includes(`rollout_waiting_services{haproxy="${name}"} 1`);
  const fleetInSync = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) await until(() => isInSync(name), long);
  };
  const serve = async (name: string): Promise<void> =>
    void stack.serve(name, [await stack.app(name)]);
  const allocOf = (name: string): string => {
    const { id } = nodes.find((node) => node.name === name)!;
    return edges.allocs.find(({ NodeID }) => NodeID === id)!.ID;
  };
  let nodes: readonly { readonly name: string; readonly id: string }[];

  before(async function () {
    this.timeout(300_000);
    stack = await startStack();
    const haproxy = await findHaproxy(process.env['HAPROXY_SERIES'] as HaproxySeries | undefined);
    const others: DataPlane[] = [];
    dps = [stack.dp];
    for (let count = 0; count < 3; count++) {
      others.push(await startDataPlane({ haproxy }));
      dps = [stack.dp, ...others];
    }
    nodes = ['edge-1', 'edge-2', 'edge-3'].map((name) => ({
      name,
      id: stack.nomad.addNode(name).id,
    }));
    await serve('web');
    edges = stack.nomad.addService({
      name: service,
      tags: ['haproxy-name=${node.unique.name}'],
      job: { ID: 'haproxy' },
      instances: nodes.map(({ id }, index) => ({ ...at(dps[index]!), nodeId: id })),
    });
  });
  afterEach(async () => {
    await daemon?.stop();
    daemon = undefined;
  });
  after(async () => {
    for (const dp of dps?.slice(1) ?? []) await dp.close();
    await stack?.close();
  });

  async function start(rollout: object): Promise<void> {
    const base = JSON.parse(await readFile(join(stack.dp.dirs.root, 'connector.json'), 'utf8')) as {
      readonly haproxy: object;
    };
    const discover = { service, job: 'haproxy', scheme: 'http' };
    const haproxy = { ...base.haproxy, discover, watch_interval: '1s' };
    const file = join(stack.dp.dirs.root, 'discover.json');
    await writeFile(file, JSON.stringify({ ...base, haproxy, rollout }), { mode: 0o600 });
    port = await freePort();
    const args = ['--config', file, '--http-listen', `127.0.0.1:${port}`];
    daemon = await stack.spawnConnector(args, { HAPROXY_DATAPLANE_URL: '' });
  }

  /** Names of those that were reloaded, in order. */
  function reloaded(since: number): readonly unknown[] {
    return (daemon?.output() ?? '')
      .slice(since)
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
      .filter(({ reloads }) => Array.isArray(reloads) && reloads.length > 0)
      .map(({ target }) => target);
  }

  it('reach the first by name first', async () => {
    await start({ settle: '200ms' });
    await fleetInSync('edge-1', 'edge-2', 'edge-3');
    const since = daemon!.output().length;
    await serve('shop');
    for (const dp of dps.slice(0, 3)) await until(() => isServed(dp, 'shop'));
    await fleetInSync('edge-1', 'edge-2', 'edge-3');
    expect(reloaded(since)).to.deep.equal(['edge-1', 'edge-2', 'edge-3']);
  });

  it('reach the canary that is named first, and one that is not there is named in a warning', async () => {
    await start({ settle: '200ms', canary: 'edge-9' });
    await fleetInSync('edge-1', 'edge-2', 'edge-3');
    expect(daemon!.output()).to.include('rollout.canary is none of the discovered HAProxies');
    expect(await metrics()).to.include('rollout_canary{haproxy="edge-1"} 1');
    await daemon!.stop();
    await start({ settle: '200ms', canary: 'edge-3' });
    await fleetInSync('edge-1', 'edge-2', 'edge-3');
    expect(daemon!.output()).not.to.include('rollout.canary is none');
    const since = daemon!.output().length;
    await serve('named');
    for (const dp of dps.slice(0, 3)) await until(() => isServed(dp, 'named'));
    await fleetInSync('edge-1', 'edge-2', 'edge-3');
    expect(reloaded(since)).to.deep.equal(['edge-3', 'edge-1', 'edge-2']);
  });

  it('begin anew with the new allocation of a canary that is replaced meanwhile', async () => {
    await start({ settle: '10m' });
    await fleetInSync('edge-1', 'edge-2', 'edge-3');
    const since = daemon!.output().length;
    await serve('third');
    await until(() => isServed(dps[0]!, 'third'), long);
    await until(() => waits('edge-2'), long);
    // Another HAProxy, as empty as a new disk.
    edges.replaceInstance(allocOf('edge-1'), { ...at(dps[3]!), nodeId: nodes[0]!.id });
    await until(() => isServed(dps[3]!, 'third'), long);
    await fleetInSync('edge-1');
    await until(() => waits('edge-2'), long);
    expect(await metrics()).to.include('rollout_canary{haproxy="edge-1"} 1');
    expect(new Set(reloaded(since))).to.deep.equal(new Set(['edge-1']));
    expect(await isServed(dps[1]!, 'third')).to.equal(false);
    await daemon!.stop();
    await start({ settle: '200ms' });
    for (const dp of dps.slice(1)) await until(() => isServed(dp, 'third'), long);
  });

  it('wait no longer for a canary that hangs once its allocation has ended', async () => {
    await start({ settle: '200ms' });
    await fleetInSync('edge-1', 'edge-2', 'edge-3');
    dps[3]!.signalDataPlane('SIGSTOP');
    try {
      await serve('fourth');
      await until(() => waits('edge-2'));
      stack.nomad.stopAlloc(allocOf('edge-1'));
      // Sooner than they would go on without it.
      for (const dp of dps.slice(1, 3)) {
        await until(() => isServed(dp, 'fourth'), { timeoutMs: 10_000 });
      }
      await fleetInSync('edge-2', 'edge-3');
    } finally {
      dps[3]!.signalDataPlane('SIGCONT');
    }
    expect(await isServed(dps[3]!, 'fourth')).to.equal(false);
  });
});
