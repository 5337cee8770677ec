import { readFile } from 'node:fs/promises';

import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import { waitFor } from '../../fixtures/process.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { domainOf, enabledTags } from '../../fixtures/stack.js';
import { allocOf, at, enabledPorts, servingPorts, until } from './helpers.js';
import { useStack } from './stack.js';

/** R4.2: instances come, go, move and change weight without a reload. */
describe('the loop, when only endpoints change', () => {
  const stack = useStack();
  let apps: App[];
  let web: ServiceHandle;
  let connector: Connector;
  let worker: number;

  const agree = async (wanted: readonly App[]): Promise<void> => {
    const wantedPorts = JSON.stringify(wanted.map(({ port }) => port).sort());
    await until(
      async () => JSON.stringify(await servingPorts(stack(), 'nomad_web')) === wantedPorts,
    );
    await until(
      async () => JSON.stringify(await enabledPorts(stack(), 'nomad_web')) === wantedPorts,
    );
    await stack().waitBalanced(domainOf('web'), wanted);
  };

  beforeEach(async () => {
    apps = await Promise.all(['a', 'b', 'c', 'd'].map((name) => stack().app(name)));
    web = stack().serve('web', apps.slice(0, 2));
    connector = stack().connector();
    await stack().waitBalanced(domainOf('web'), apps.slice(0, 2));
    await connector.waitSettled();
    worker = await stack().dp.haproxy.workerPid();
  });
  afterEach(async () => {
    expect(connector.failures).to.deep.equal([]);
    expect(await stack().dp.haproxy.workerPid()).to.equal(worker);
  });

  it('an instance comes', async () => {
    web.addInstance(at(apps[2]!));
    await agree(apps.slice(0, 3));
  });

  it('an instance goes', async () => {
    stack().nomad.stopAlloc(web.allocs[0]!.ID);
    await agree(apps.slice(1, 2));
    await connector.waitSettled();
    expect(await stack().configuration()).not.to.include(`:${apps[0]!.port}`);
  });

  it('a rolling update replaces all', async () => {
    for (const [old, next] of [
      [0, 2],
      [1, 3],
    ] as const) {
      const alloc = allocOf(stack().nomad, apps[old]!);
      web.replaceInstance(alloc, at(apps[next]!));
      await stack().waitServed(domainOf('web'), [apps[next]!]);
    }
    await agree(apps.slice(2));
  });

  it('a registration moves to another port', async () => {
    const [alloc] = web.allocs;
    stack().nomad.registerInstance(alloc!.ID, { web: at(apps[2]!) });
    await agree([apps[1]!, apps[2]!]);
  });

  it('a weight changes: a canary is promoted', async () => {
    web.update((group) => ({
      ...group,
      Services: [
        { ...group.Services![0]!, Tags: [...enabledTags('web'), 'haproxy.canary.weight=20'] },
      ],
    }));
    const weights = async (): Promise<number[]> =>
      (await stack().loadedServers('nomad_web'))
        .filter(({ admin }) => admin === 'ready')
        .map(({ weight }) => weight)
        .sort();
    web.addInstance({ ...at(apps[2]!), canary: true, healthy: true });
    await until(async () => JSON.stringify(await weights()) === '[100,100,20]');
    expect((await stack().configuration()).match(/weight 20 /g)).to.have.lengthOf(1);
    stack().nomad.promote('web');
    await until(async () => JSON.stringify(await weights()) === '[100,100,100]');
    await connector.waitConverged();
    expect(await stack().configuration()).not.to.include('weight 20 ');
  });

  it('S12: an instance went while nobody looked, and its port serves another service', async () => {
    await connector.stop();
    stack().nomad.stopAlloc(web.allocs[0]!.ID);
    stack().serve('other', [apps[0]!]);
    connector = stack().connector();
    await stack().waitServed(domainOf('other'), [apps[0]!]);
    await connector.waitConverged();
    for (let count = 0; count < 6; count++) {
      expect((await stack().request(domainOf('web'))).body).to.equal('b');
    }
    // The other service is new, and that costs a reload.
    worker = await stack().dp.haproxy.workerPid();
  });

  it('S5, S16: what was sent is not believed: a server put in maintenance by hand comes back', async () => {
    const { haproxy } = stack().dp;
    const server = (await stack().loadedServers('nomad_web')).find(
      ({ admin }) => admin === 'ready',
    )!;
    await haproxy.runtimeCommand(`set server nomad_web/${server.name} state maint`);
    connector.wake();
    await agree(apps.slice(0, 2));
    await haproxy.runtimeCommand(`set server nomad_web/${server.name} addr 127.0.0.1 port 9`);
    connector.wake();
    await agree(apps.slice(0, 2));
  });

  it('the last converged endpoints are served from disk alone, filled and drained slots too', async () => {
    web.addInstance(at(apps[2]!));
    await stack().waitBalanced(domainOf('web'), apps.slice(0, 3));
    // A request in flight holds the drain, so that the slot is still draining at the end.
    apps[0]!.delayMs = 60_000;
    const slow = stack()
      .request(domainOf('web'), '/slow')
      .catch(() => undefined);
    const others = Promise.all(
      [1, 2, 3].map(() =>
        stack()
          .request(domainOf('web'))
          .catch(() => undefined),
      ),
    );
    await waitFor('a request in flight', () => apps[0]!.served > 0);
    stack().nomad.stopAlloc(allocOf(stack().nomad, apps[0]!));
    await agree(apps.slice(1, 3));
    expect(await stack().configuration()).to.match(/ disabled .*"drain":/);
    await connector.stop();

    await stack().dp.killDataPlane();
    await stack().dp.stopHaproxy('SIGKILL');
    await Promise.all([slow, others]);
    apps[0]!.delayMs = 0;
    await stack().dp.startHaproxy();
    worker = await stack().dp.haproxy.workerPid();
    // From the very first request on, and nothing goes to the one that left.
    const answers: string[] = [];
    for (let count = 0; count < 8; count++) {
      const { status, body } = await stack().request(domainOf('web'));
      answers.push(status === 200 ? body : `${status}`);
    }
    expect([...new Set(answers)].sort()).to.deep.equal(['b', 'c']);
    expect(
      (await readFile(stack().dp.dirs.serverStateFile, 'utf8')).includes('nomad_web_'),
    ).to.equal(true);
  });
});
