import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import { type Grant, grants } from '../../fixtures/nomad/acl.js';
import type { StreamFault } from '../../fixtures/nomad/faults.js';
import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import type { NomadSimulator } from '../../fixtures/nomad/simulator.js';
import type { Connector } from '../../fixtures/stack/connector.js';
import { waitFor } from '../../fixtures/process.js';
import { domainOf, enabledTags } from '../../fixtures/stack.js';
import type { Settings } from '../../src/config/types.js';
import { allocOf, at, enabledPorts, servingPorts, until } from './helpers.js';
import { useStack } from './stack.js';

/** No timer helps: what isn't noticed is never seen. */
const withoutTimer = (settings: Settings): Settings => ({
  ...settings,
  sync: { ...settings.sync, resyncIntervalMs: 3_600_000 },
});

/** All rights, but not where the services are. */
const elsewhere: Grant = {
  kind: 'policy',
  namespaces: ['elsewhere'],
  capabilities: ['read-job', 'list-jobs'],
};

/** R6.1, and S24 in full. */
describe('the loop, when Nomad misbehaves', () => {
  const stack = useStack();
  const token = 'a-token';
  let apps: App[];
  let late: App;
  let connector: Connector;
  let web: ServiceHandle;

  beforeEach(async () => {
    apps = await Promise.all(['a', 'b', 'c'].map((name) => stack().app(name)));
    late = await stack().app('late');
    stack().nomad.acl.enable();
    stack().nomad.acl.grant(token, grants.readEverything);
    web = stack().serve('web', apps.slice(0, 2));
    stack().serve('api', apps.slice(2));
    connector = stack().connector({
      settings: (one) => ({ ...one, nomad: { ...one.nomad, token, requestTimeoutMs: 1000 } }),
    });
    await connector.waitSettled();
  });

  const troubles: Record<string, (nomad: NomadSimulator) => unknown> = {
    'is down': (nomad) => nomad.stop(),
    'answers 500': ({ faults }) => (faults.http500 = true),
    'answers 500 for one service': ({ faults }) => (faults.http500 = '/v1/service/web'),
    'never had a leader': ({ faults }) => (faults.noLeaderEver = true),
    'lost its quorum': ({ faults }) => (faults.quorumLost = true),
    'knows no leader': ({ faults }) => (faults.unknownLeader = true),
    'lists nothing': ({ faults }) => (faults.emptyList = '/v1/services'),
    'lists no instance of a service': ({ faults }) => (faults.emptyList = '/v1/service/web'),
    'lists no allocations': ({ faults }) => (faults.emptyList = '/v1/allocations'),
    'lists no jobs': ({ faults }) => (faults.emptyList = '/v1/jobs'),
    'leaves a service out': ({ faults }) => (faults.hiddenServices = ['web']),
    'refuses the token': ({ acl }) => acl.grant(token, grants.invalid),
    'takes the rights away from the token': ({ acl }) => acl.grant(token, grants.none),
    'takes the rights in a namespace away': ({ acl }) => acl.grant(token, elsewhere),
    'has no policy for the workload': ({ acl }) => acl.grant(token, grants.workload),
    'answers garbage': ({ faults }) => (faults.garbage = true),
    'breaks off its answers': ({ faults }) => (faults.truncated = true),
    'resets connections': ({ faults }) => (faults.reset = true),
    'went back in time': ({ faults }) => (faults.indexBehind = 5),
    'changes all the time': ({ faults }) => (faults.tornReads = 1000),
    'cannot read a job': ({ faults }) => (faults.unreadableJobs = ['web', 'api']),
    'lists a job that is gone': ({ faults }) => (faults.gone = ['web']),
  };

  for (const [trouble, cause] of Object.entries(troubles)) {
    it(`Nomad ${trouble}: nothing is removed, and it converges afterwards`, async () => {
      const { nomad, proxy } = stack();
      proxy.clear();
      await cause(nomad);
      await passes(3);
      expect(proxy.writes()).to.deep.equal([]);
      await stack().waitBalanced(domainOf('web'), apps.slice(0, 2));
      await stack().waitServed(domainOf('api'), apps.slice(2));

      nomad.faults.clear();
      nomad.acl.grant(token, grants.readEverything);
      await nomad.start();
      web.addInstance(at(late));
      await stack().waitBalanced(domainOf('web'), [...apps.slice(0, 2), late]);
      await connector.waitConverged();
    });
  }

  it('a new process that starts in such trouble removes nothing either', async () => {
    const { nomad, proxy } = stack();
    await connector.stop();
    for (const list of ['/v1/services', '/v1/service/web', '/v1/allocations', '/v1/jobs']) {
      nomad.faults.emptyList = list;
      proxy.clear();
      const fresh = stack().passes({
        settings: (one) => ({ ...one, nomad: { ...one.nomad, token } }),
      });
      for (let count = 0; count < 3; count++) await fresh.run().catch(() => undefined);
      expect(proxy.writes(), list).to.deep.equal([]);
    }
  });

  it('a new process whose token has lost the rights in a namespace removes nothing there', async () => {
    const { nomad, proxy } = stack();
    await connector.stop();
    stack().serve('web', apps.slice(0, 1), { namespace: 'elsewhere', tags: enabledTags('other') });
    nomad.acl.grant(token, elsewhere);
    const fresh = stack().passes({
      settings: (one) => ({ ...one, nomad: { ...one.nomad, token } }),
    });
    const reasons = [];
    for (let count = 0; count < 3; count++) reasons.push((await fresh.run()).rest.held?.reason);
    const hidden = 'Nomad does not show the namespace default';
    expect(reasons).to.deep.equal([hidden, hidden, hidden]);
    expect(proxy.writes().filter(({ method }) => method === 'DELETE')).to.deep.equal([]);
    await stack().waitBalanced(domainOf('web'), apps.slice(0, 2));
    // What it may read goes on as ever: it comes, and it goes.
    await stack().waitServed(domainOf('other'), apps.slice(0, 1));
    nomad.removeService('web', 'elsewhere');
    await waitFor('the other to go', async () => {
      await fresh.run();
      return !(await stack().configuration()).includes('backend nomad_elsewhere_web ');
    });
    nomad.acl.grant(token, grants.readEverything);
    expect((await fresh.run()).rest.held).to.equal(undefined);
  });

  /** Waits until so many more passes have ended, well or not. */
  async function passes(count: number): Promise<void> {
    const ended = (): number => connector.results.length + connector.failures.length;
    for (let more = 0; more < count; more++) {
      const before = ended();
      connector.wake();
      await until(() => ended() > before);
    }
  }
});

/** R6.2. */
describe('the guard', () => {
  const stack = useStack();

  it('has no question about an allocation that was read as stopped, even the only one', async () => {
    const app = await stack().app('a');
    stack().serve('web', [app]);
    const passes = stack().passes();
    await passes.run();
    await stack().waitServed(domainOf('web'), [app]);
    stack().nomad.stopAlloc(allocOf(stack().nomad, app));
    const { rest, steps } = await passes.run();
    expect(rest.held).to.equal(undefined);
    expect(steps.map(({ kind }) => kind)).to.include('drain-slot');
    expect(await servingPorts(stack(), 'nomad_web')).to.deep.equal([]);
    expect(await enabledPorts(stack(), 'nomad_web')).to.deep.equal([]);
    expect((await stack().request(domainOf('web'))).status).to.equal(503);
  });

  it('holds large absences until a second full read agrees', async () => {
    const app = await stack().app('a');
    const names = ['one', 'two', 'three', 'four'];
    for (const name of names) stack().serve(name, [app]);
    const passes = stack().passes();
    await passes.run();
    forget('one', 'two', 'three');
    const first = await passes.run();
    expect(first.rest.held?.backends).to.have.members(['nomad_one', 'nomad_two', 'nomad_three']);
    expect(first.steps).to.deep.equal([]);
    await stack().waitServed(domainOf('one'), [app]);

    stack().nomad.requests.reset();
    const second = await passes.run();
    expect(stack().nomad.requests.count('/v1/service/')).to.equal(1);
    expect(second.rest.held).to.equal(undefined);
    expect((await stack().request(domainOf('one'))).status).to.equal(404);
    await stack().waitServed(domainOf('four'), [app]);
    expect(await stack().configuration()).not.to.include('backend nomad_one');
  });

  it('asks again by itself, within a second', async () => {
    const app = await stack().app('a');
    for (const name of ['one', 'two']) stack().serve(name, [app]);
    const connector = stack().connector({ settings: withoutTimer });
    await connector.waitSettled();
    forget('one');
    await until(async () => (await stack().request(domainOf('one'))).status === 404);
    expect(connector.results.filter(({ rest }) => rest.held).length).to.be.at.least(1);
  });

  it('adds while it holds', async () => {
    const app = await stack().app('a');
    for (const name of ['one', 'two']) stack().serve(name, [app]);
    const passes = stack().passes();
    await passes.run();
    forget('one');
    stack().serve('new', [app]);
    const { rest } = await passes.run();
    expect(rest.held?.backends).to.deep.equal(['nomad_one']);
    await stack().waitServed(domainOf('new'), [app]);
    await stack().waitServed(domainOf('one'), [app]);
  });

  it('lets a small share go at once', async () => {
    const app = await stack().app('a');
    for (const name of ['one', 'two', 'three', 'four']) stack().serve(name, [app]);
    const passes = stack().passes();
    await passes.run();
    forget('one');
    const { rest } = await passes.run();
    expect(rest.held).to.equal(undefined);
    expect((await stack().request(domainOf('one'))).status).to.equal(404);
  });

  /** Stopped, purged, and collected as garbage: nothing is left to read. */
  function forget(...names: string[]): void {
    const { nomad } = stack();
    for (const name of names) nomad.removeService(name);
    nomad.collectGarbage();
  }
});

/** R1.2: the stream only wakes; whatever it does, nothing is lost. */
describe('the loop, when the event stream fails', () => {
  const stack = useStack({ heartbeatMs: 200 });
  const timing = { firstByteMs: 300, silenceMs: 600, backoffMinMs: 20, backoffMaxMs: 200 };

  const faults: Record<string, StreamFault> = {
    'goes silent': 'silent',
    'is refused: 200 and then nothing': 'refused',
    'has heartbeats only': 'heartbeatsOnly',
    'loses events': 'skipEvents',
    'is cut in the middle of a line (S13)': 'cutMidLine',
    'ends at once, again and again (S13)': 'endsAtOnce',
  };
  for (const [what, fault] of Object.entries(faults)) {
    it(`the stream ${what}: changes still arrive`, async () => {
      const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => stack().app(name)));
      const web = stack().serve('web', [a!]);
      const connector = stack().connector({ settings: withoutTimer, timing });
      await connector.waitSettled();
      stack().nomad.faults.stream = fault;
      if (fault !== 'cutMidLine' && fault !== 'silent') stack().nomad.closeStreams('cut');
      web.addInstance(at(b!));
      await stack().waitBalanced(domainOf('web'), [a!, b!]);
      stack().nomad.faults.stream = 'none';
      await until(() => connector.connections.at(-1));
      web.addInstance(at(c!));
      await stack().waitBalanced(domainOf('web'), [a!, b!, c!]);
      expect(connector.failures).to.deep.equal([]);
      // It goes on trying, and not as fast as it can.
      expect(stack().nomad.requests.count('/v1/event/stream')).to.be.below(60);
    });
  }

  it('only the stream is left: changes still arrive', async () => {
    const [a, b] = await Promise.all(['a', 'b'].map((name) => stack().app(name)));
    stack().nomad.faults.hang = /^\/v1\/services\?.*index=/;
    const web = stack().serve('web', [a!]);
    stack().connector({ settings: withoutTimer, timing });
    await stack().waitServed(domainOf('web'), [a!]);
    web.addInstance(at(b!));
    await stack().waitBalanced(domainOf('web'), [a!, b!]);
  });

  it('neither is left: the timer does it', async () => {
    const [a, b] = await Promise.all(['a', 'b'].map((name) => stack().app(name)));
    stack().nomad.faults.hang = /^\/v1\/(services\?.*index=|event)/;
    const web = stack().serve('web', [a!]);
    stack().connector({
      settings: (one) => ({ ...one, sync: { ...one.sync, resyncIntervalMs: 300 } }),
      timing,
    });
    await stack().waitServed(domainOf('web'), [a!]);
    web.addInstance(at(b!));
    await stack().waitBalanced(domainOf('web'), [a!, b!]);
  });
});
