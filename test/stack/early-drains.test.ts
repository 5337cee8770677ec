import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import type { Passes } from '../../fixtures/stack/connector.js';
import { domainOf } from '../../fixtures/stack.js';
import { routine } from '../../src/pass/occasion.js';
import { freePort } from '../../fixtures/ports.js';
import { allocOf, enabledPorts, servingPorts, until } from './helpers.js';
import { useStack } from './stack.js';

const news = { nomadChanged: true };

/** R4.1: what leaves gets no request from the moment on in which Nomad says so. */
describe('an instance leaves', () => {
  const stack = useStack();
  let apps: App[];
  let web: ServiceHandle;
  let passes: Passes;
  /** The request that drains the first instance. */
  let drain: string;

  beforeEach(async () => {
    apps = await Promise.all(['a', 'b'].map((name) => stack().app(name)));
    web = stack().serve('web', apps);
    passes = stack().passes();
    await until(async () => (await pass()).rest.steps.length === 0);
    await until(async () => (await servingPorts(stack(), 'nomad_web')).length === 2);
    // So that the last picture has both of them UP.
    await pass();
    const servers = await stack().loadedServers('nomad_web');
    const server = servers.find(({ port }) => port === apps[0]!.port)!.name;
    drain = `PUT /runtime/backends/nomad_web/servers/${server}`;
    stack().proxy.clear();
  });
  afterEach(() => passes.close());

  function pass(occasion = routine) {
    return passes.run(new AbortController().signal, occasion);
  }

  /** What was sent to the Data Plane API before its configuration was read, and since. */
  function requests() {
    const all = stack()
      .proxy.seen()
      .map(({ method, path }) => `${method} ${path.replace('/v3/services/haproxy', '')}`);
    const read = all.findIndex((one) => one.startsWith('GET /configuration'));
    return { before: all.slice(0, read), after: all.slice(read) };
  }

  const look = ['GET /runtime/backends/nomad_web/servers', 'GET /runtime/info'];
  const goes = () => stack().nomad.stopAlloc(web.allocs[0]!.ID);

  async function expectDrained(): Promise<void> {
    const left = [apps[1]!.port];
    expect(await servingPorts(stack(), 'nomad_web')).to.deep.equal(left);
    expect(await enabledPorts(stack(), 'nomad_web')).to.deep.equal(left);
    await stack().waitBalanced(domainOf('web'), [apps[1]!]);
  }

  it('its drain is sent before the configuration is read, and only once', async () => {
    goes();
    const { steps } = await pass(news);
    const { before, after } = requests();
    expect([...before.slice(0, 2)].sort()).to.deep.equal(look);
    expect(before.slice(2)).to.deep.equal([drain]);
    expect(after).not.to.include(drain);
    expect(steps.map(({ kind }) => kind)).to.deep.equal(['drain-slot']);
    await expectDrained();
  });

  it('it is drained while it is still registered, as soon as it is to stop', async () => {
    stack().nomad.stopAlloc(web.allocs[0]!.ID, 'desired');
    await pass(news);
    expect(requests().before).to.include(drain);
    await expectDrained();
  });

  it('it is drained while the rest of the catalog is still being read, even if that fails', async () => {
    goes();
    stack().nomad.faults.hang = '/v1/jobs';
    const stop = new AbortController();
    const failed = passes.run(stop.signal, news).catch((error: unknown) => error);
    await until(async () => (await servingPorts(stack(), 'nomad_web')).length === 1);
    expect(requests().after.concat(requests().before)).to.include(drain);
    stop.abort();
    expect(await failed).to.be.instanceOf(Error);
    stack().nomad.faults.clear();
    await pass(news);
    await expectDrained();
  });

  it('the stream names it: it is drained before the list of services is read', async () => {
    const connector = stack().connector({
      settings: (one) => ({ ...one, nomad: { ...one.nomad, requestTimeoutMs: 1000 } }),
    });
    await connector.waitSettled();
    stack().nomad.faults.hang = '/v1/services';
    goes();
    await until(async () => (await servingPorts(stack(), 'nomad_web')).length === 1);
    stack().nomad.faults.clear();
    await until(async () => (await enabledPorts(stack(), 'nomad_web')).length === 1);
    await expectDrained();
  });

  it('a timer reads first', async () => {
    goes();
    await pass();
    expect(requests().before).not.to.include(drain);
    await expectDrained();
  });

  it('nothing is asked for early where nothing leaves', async () => {
    await pass(news);
    const { before, after } = requests();
    expect(before).to.not.include(look[0]);
    expect(after.filter((one) => !one.startsWith('GET '))).to.deep.equal([]);
  });

  it('HAProxy restarted in between: it is read first', async () => {
    await stack().dp.stopHaproxy();
    await stack().dp.startHaproxy();
    goes();
    await pass(news);
    expect(requests().before).not.to.include(drain);
    await expectDrained();
  });

  it('another writer changed the configuration: it is read first', async () => {
    await stack().editConfiguration((text) => `${text}\n# by hand\n`);
    stack().proxy.clear();
    goes();
    await pass(news);
    expect(requests().before).not.to.include(drain);
    await expectDrained();
  });

  it('the last pass failed: HAProxy is read first', async () => {
    stack().proxy.onRequest(() => 'cut');
    await pass().catch(() => undefined);
    stack().proxy.onRequest(undefined);
    stack().proxy.clear();
    goes();
    await pass(news);
    expect(requests().before).not.to.include(drain);
    await expectDrained();
  });

  it('the early drain is refused, or cut: the pass drains all the same', async () => {
    goes();
    let refused = 0;
    stack().proxy.onRequest(({ method }) => {
      // Sent for what the allocations say, and for all that the catalog does.
      if (method !== 'PUT' || refused++ > 1) return undefined;
      return { answer: { status: 500, body: { message: 'no' } } };
    });
    await pass(news);
    expect(requests().before).to.include(drain);
    expect(requests().after).to.include(drain);
    await expectDrained();
  });

  it('R6.2: a registration is gone while its allocation runs: nothing is drained', async () => {
    stack().nomad.deregisterInstance(web.allocs[0]!.ID);
    const { rest } = await pass(news);
    expect(rest.held?.instances).to.have.length(1);
    expect(stack().proxy.writes()).to.deep.equal([]);
    expect(await servingPorts(stack(), 'nomad_web')).to.have.length(2);
  });

  it('S8: the last that serves stays until its replacement is UP', async () => {
    goes();
    await pass(news);
    const port = await freePort();
    web.addInstance({ address: '127.0.0.1', port });
    await pass(news);
    stack().proxy.clear();
    stack().nomad.stopAlloc(allocOf(stack().nomad, apps[1]!), 'desired');
    await pass(news);
    expect(stack().proxy.writes()).to.deep.equal([]);
    expect(await servingPorts(stack(), 'nomad_web')).to.deep.equal([apps[1]!.port]);
  });
});
