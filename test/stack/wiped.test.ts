import { expect } from 'chai';

import type { App } from '../../fixtures/apps/app.js';
import type { ConnectorOptions, Passes } from '../../fixtures/stack/connector.js';
import type { NomadSimulator } from '../../fixtures/nomad/simulator.js';
import { domainOf } from '../../fixtures/stack.js';
import { allocOf, until } from './helpers.js';
import { useStack } from './stack.js';

const holding = (tracelessHoldMs: number): ConnectorOptions => ({
  settings: (one) => ({ ...one, guard: { ...one.guard, tracelessHoldMs } }),
});

/** R6.2: what Nomad lacks, and nothing in it tells why. */
describe('a Nomad that has lost everything', () => {
  const stack = useStack();
  const names = ['one', 'two'];
  let app: App;
  let other: App;

  beforeEach(async () => {
    app = await stack().app('a');
    other = await stack().app('b');
    stack().serve('one', [app]);
    stack().serve('two', [other]);
    await stack().passes().run();
    await waitBoth();
    stack().proxy.clear();
  });

  const wipes: Record<string, (nomad: NomadSimulator) => void> = {
    'at the same index': ({ faults }) => (faults.wiped = true),
    'at a higher index': ({ faults }) => Object.assign(faults, { wiped: true, indexAhead: 1000 }),
    'at a lower index': ({ faults }) => Object.assign(faults, { wiped: true, indexBehind: 3 }),
  };

  for (const [how, wipe] of Object.entries(wipes)) {
    it(`${how}: a running connector goes on serving, and no request is lost`, async () => {
      const connector = stack().connector();
      await connector.waitSettled();
      stack().proxy.clear();
      const load = startLoad();
      wipe(stack().nomad);
      connector.wake();
      await until(() => connector.results.filter(({ rest }) => rest.held).length >= 4);
      expect(await load.end()).to.deep.equal([]);
      expect(configurationWrites()).to.deep.equal([]);
      // Held for minutes, it is looked at less and less.
      expect(connector.results.filter(({ rest }) => rest.held).length).to.be.below(12);
      stack().nomad.faults.clear();
      connector.wake();
      await until(() => connector.results.at(-1)?.rest.held === undefined);
      await waitBoth();
    });

    it(`${how}: so does a new one`, async () => {
      const load = startLoad();
      wipe(stack().nomad);
      const held = await run(stack().passes(), 4);
      expect(held.every((one) => one?.instances.length === 2)).to.equal(true);
      expect(held.at(-1)?.reason).to.match(
        how === 'at a lower index' ? /lower than/ : /nothing tells why/,
      );
      expect(await load.end()).to.deep.equal([]);
      expect(configurationWrites()).to.deep.equal([]);
    });
  }

  it('--once exits 4 and says why; --allow-removals applies it', async () => {
    stack().nomad.faults.wiped = true;
    stack().nomad.faults.indexAhead = 1000;
    const first = await stack().run(['--once']);
    expect(first.code, first.stderr).to.equal(4);
    expect(first.stdout).to.match(
      /held: removal of 2 servers and 2 backends: .* nothing tells why; removed at .*Z/,
    );
    await stack().waitServed(domainOf('one'), [app]);
    const second = await stack().run(['--once', '--allow-removals']);
    expect(second.code, second.stderr).to.equal(0);
    expect((await stack().request(domainOf('one'))).status).to.equal(404);
  });

  it('what lasts is removed when the hold is over, by itself', async () => {
    const connector = stack().connector(holding(1500));
    await connector.waitSettled();
    stack().nomad.faults.wiped = true;
    stack().nomad.faults.indexAhead = 1000;
    connector.wake();
    await until(() => connector.results.some(({ rest }) => rest.held?.lasting));
    for (const name of names) {
      await until(async () => (await stack().request(domainOf(name))).status === 404);
    }
    expect(connector.failures).to.deep.equal([]);
  });

  it('at a lower index it is held even where little goes, and the mark moves once it has gone', async () => {
    const { nomad } = stack();
    for (const name of ['three', 'four']) stack().serve(name, [app]);
    stack().serve('five', [await stack().app('c')]);
    await stack().passes().run();
    const before = await markedIndex();
    forget('five');
    nomad.faults.indexBehind = 10;
    const fresh = stack().passes(holding(300));
    const [first] = await run(fresh, 1);
    expect(first?.reason).to.include(`lower than ${before}`);
    expect(await markedIndex()).to.equal(before);
    await until(async () => (await fresh.run()).rest.held === undefined);
    expect((await stack().request(domainOf('five'))).status).to.equal(404);
    expect(await markedIndex()).to.be.below(before);
    await stack().waitServed(domainOf('one'), [app]);
  });

  it('the mark moves with each write, one without a reload too', async () => {
    const { nomad } = stack();
    expect(await markedIndex()).to.equal(nomad.state.tableIndex('services'));
    const passes = stack().passes();
    await passes.run();
    const more = await stack().app('c');
    stack().serve('one', [app, more]);
    const { reloads } = await passes.run();
    expect(reloads).to.deep.equal([]);
    expect(await markedIndex()).to.equal(nomad.state.tableIndex('services'));
    stack().proxy.clear();
    await passes.run();
    await passes.run();
    expect(configurationWrites()).to.deep.equal([]);
  });

  describe('what has a trace goes as before', () => {
    it('a stopped job, by a new process too', async () => {
      stack().nomad.stopJob({ ID: 'one', Namespace: 'default' });
      await goes('one');
    });

    it('a purged job, whose allocations go with it', async () => {
      stack().nomad.removeService('one');
      await goes('one');
    });

    it("a purged job that isn't called like its service", async () => {
      stack().serve('three', [app], { job: { ID: 'shop/three' } });
      await stack().passes().run();
      for (const name of ['one', 'three']) stack().nomad.removeService(name);
      await goes('three');
    });

    it('a stopped job whose allocations were collected as garbage', async () => {
      const { nomad } = stack();
      const allocs = nomad.allocsOf('one');
      nomad.stopJob({ ID: 'one', Namespace: 'default' });
      for (const { ID } of allocs) nomad.forgetAlloc(ID);
      await goes('one');
    });

    it('an instance whose address somebody else has now', async () => {
      forget('one');
      stack().serve('three', [app]);
      await goes('one');
    });

    it('the last instances, when their allocations stop', async () => {
      for (const one of [app, other]) stack().nomad.stopAlloc(allocOf(stack().nomad, one));
      const { rest } = await stack().passes().run();
      expect(rest.held).to.equal(undefined);
      expect((await stack().request(domainOf('one'))).status).to.equal(503);
    });

    /** Within the second look of a new process. */
    async function goes(name: string): Promise<void> {
      const passes = stack().passes();
      await run(passes, 2);
      expect((await stack().request(domainOf(name))).status).to.be.oneOf([404, 503]);
      await until(async () => (await passes.run()).rest.steps.length === 0);
      await until(async () => (await stack().request(domainOf(name))).status === 404);
    }
  });

  async function waitBoth(): Promise<void> {
    await stack().waitServed(domainOf('one'), [app]);
    await stack().waitServed(domainOf('two'), [other]);
  }

  async function run(passes: Passes, count: number) {
    const held = [];
    for (let more = 0; more < count; more++) held.push((await passes.run()).rest.held);
    return held;
  }

  /** All but the server state file, which is brought up to date at any time. */
  function configurationWrites() {
    return stack()
      .proxy.writes()
      .filter(({ path }) => !path.includes('/storage/general/'));
  }

  /** Stopped, purged and collected as garbage: nothing is left to read. */
  function forget(name: string): void {
    const { nomad } = stack();
    nomad.removeService(name);
    nomad.collectGarbage();
  }

  async function markedIndex(): Promise<number> {
    const line = (await stack().configuration())
      .split('\n')
      .find((one) => /^\s+server nomad__g\d/.test(one));
    return Number(/"nomad":\s*(\d+)/.exec(line ?? '')?.[1]);
  }

  /** Requests for each service, one after the other; gives those that were not answered well. */
  function startLoad() {
    const failed: string[] = [];
    let isOver = false;
    let count = 0;
    const loop = (async () => {
      while (!isOver) {
        const host = domainOf(names[count++ % names.length]!);
        const { status } = await stack().request(host);
        if (status !== 200) failed.push(`${host} ${status}`);
      }
    })();
    return {
      end: async () => {
        isOver = true;
        await loop;
        expect(count).to.be.above(5);
        return failed;
      },
    };
  }
});
