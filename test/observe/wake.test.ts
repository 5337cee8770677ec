import { expect } from 'chai';
import { waitFor } from '../../fixtures/process.js';
import { startWakeSources, type WakeSources } from '../../src/observe/wake/wake.js';
import type { WakeTiming } from '../../src/observe/wake/types.js';
import { enabled, startObserver, type Observer } from './setup.js';

const quick: WakeTiming = {
  firstByteMs: 150,
  silenceMs: 200,
  blockMs: 500,
  backoffMinMs: 10,
  backoffMaxMs: 50,
  stableMs: 1000,
};

interface Watched {
  readonly sources: WakeSources;
  readonly wakes: ('stream' | 'blocking')[];
  readonly connected: boolean[];
  readonly logged: string[];
  stop(): Promise<void>;
}

function watch(observer: Observer, timing: Partial<WakeTiming> = {}, namespace = '*'): Watched {
  const stopper = new AbortController();
  const wakes: ('stream' | 'blocking')[] = [];
  const connected: boolean[] = [];
  const logged: string[] = [];
  const note = (message: string, fields?: object): unknown =>
    logged.push(`${message} ${JSON.stringify(fields)}`);
  const sources = startWakeSources({
    client: observer.client,
    namespace,
    onWake: (source) => wakes.push(source),
    onConnected: (is) => connected.push(is),
    listener: observer.reader,
    signal: stopper.signal,
    log: { debug: note, info: note, warn: note },
    timing: { ...quick, ...timing },
  });
  return {
    sources,
    wakes,
    connected,
    logged,
    stop: async () => {
      stopper.abort();
      await sources.done;
    },
  };
}

describe('what wakes a pass', () => {
  let observer: Observer;
  let watched: Watched | undefined;
  beforeEach(async () => {
    observer = await startObserver();
    observer.nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
  });
  afterEach(async () => {
    await watched?.stop();
    watched = undefined;
    await observer.close();
  });

  /** Both sources are up and what the start itself woke is forgotten. */
  async function settled(timing: Partial<WakeTiming> = {}): Promise<Watched> {
    const now = (watched = watch(observer, timing));
    await waitFor('both sources', () => now.connected.at(-1) === true && blocked(observer) > 0);
    now.wakes.length = 0;
    return now;
  }

  it('wakes once connected, by either source', async () => {
    const { wakes } = (watched = watch(observer));
    await waitFor('wakes', () => wakes.includes('stream') && wakes.includes('blocking'));
    expect(watched.connected).to.deep.equal([true]);
  });

  it('wakes by both sources when the catalog changes, and not by heartbeats', async () => {
    const { wakes } = await settled();
    const beats = observer.nomad.requests.all.length;
    await waitFor('some blocking rounds', () => observer.nomad.requests.all.length > beats + 1);
    expect(wakes).to.deep.equal([]);
    observer.nomad.addService({ name: 'api', tags: [enabled], instances: [{ port: 9001 }] });
    await waitFor('wakes', () => wakes.includes('stream') && wakes.includes('blocking'));
  });

  it('wakes by the stream alone when only an allocation or a job changed', async () => {
    const { wakes } = await settled();
    const [alloc] = observer.nomad.allocsOf('web');
    observer.nomad.setClientStatus(alloc?.ID ?? '', 'pending');
    await waitFor('a wake', () => wakes.includes('stream'));
    expect(wakes).not.to.include('blocking');
  });

  it('wakes for no allocation of a job without services of ours, and for no child of one', async () => {
    const { nomad } = observer;
    const batch = (ID: string, Services: object[] = []): string => {
      const group = { Name: 'g', Count: 1, Services } as never;
      nomad.registerJob({ ID, Type: 'batch', TaskGroups: [group] });
      return nomad.startAlloc({ job: ID }).ID;
    };
    const alone = batch('alone');
    const first = batch('many/dispatch-1');
    const offering = batch('offers/dispatch-1', [
      { Name: 'x', Provider: 'nomad', Tags: [enabled] },
    ]);
    await observer.read();
    const { wakes } = await settled();
    const events = observer.nomad.state;
    for (const id of [alone, first]) nomad.setClientStatus(id, 'running');
    for (let n = 2; n < 20; n += 1) batch(`many/dispatch-${n}`);
    nomad.setClientStatus(alone, 'complete');
    expect(events.bufferedEvents(0).length).to.be.greaterThan(30);
    // A heartbeat that comes after them has been read by now.
    const rounds = nomad.requests.all.length;
    await waitFor('a round', () => nomad.requests.all.length > rounds);
    expect(wakes).to.deep.equal([]);

    nomad.setClientStatus(offering, 'running');
    await waitFor('a wake', () => wakes.includes('stream'));
    wakes.length = 0;
    nomad.registerJob({ ID: 'alone', Type: 'batch', TaskGroups: [{ Name: 'g', Count: 2 }] });
    await waitFor('a wake for a changed job', () => wakes.includes('stream'));
    wakes.length = 0;
    batch('unknown');
    await waitFor('a wake for an unknown job', () => wakes.includes('stream'));
  });

  for (const fault of ['heartbeatsOnly', 'skipEvents', 'silent'] as const) {
    it(`S13: sees a change within seconds though the stream is ${fault}`, async () => {
      const { wakes } = await settled({ blockMs: 60_000 });
      observer.nomad.faults.stream = fault;
      observer.nomad.addService({ name: 'api', tags: [enabled], instances: [{ port: 9001 }] });
      await waitFor('a wake', () => wakes.includes('blocking'), { timeoutMs: 2000 });
    });
  }

  for (const how of ['end', 'cut'] as const) {
    it(`S13: connects again and wakes after the stream's connection was closed (${how})`, async () => {
      const { wakes, connected } = await settled();
      observer.nomad.closeStreams(how);
      await waitFor('a new connection', () => connected.length === 3);
      expect(connected).to.deep.equal([true, false, true]);
      expect(wakes).to.include('stream');
    });
  }

  it('S13: a line cut in the middle is no loss: it connects again and wakes', async () => {
    const { wakes, connected } = await settled();
    observer.nomad.faults.stream = 'cutMidLine';
    observer.nomad.addService({ name: 'api', tags: [enabled], instances: [{ port: 9001 }] });
    await waitFor('a new connection', () => connected.length >= 3);
    expect(wakes).to.include('stream');
  });

  it('S13: a stream that ends at once is asked again with growing pauses, not in a loop', async () => {
    observer.nomad.faults.stream = 'endsAtOnce';
    watched = watch(observer, { backoffMinMs: 100, backoffMaxMs: 10_000 });
    const streams = (): number => observer.nomad.requests.count('/v1/event/stream');
    const startedAt = Date.now();
    await waitFor('a few tries', () => streams() >= 4);
    // 50 + 100 + 200 ms at the least, with jitter.
    expect(Date.now() - startedAt).to.be.greaterThan(300);
  });

  it('gives up a stream that sends nothing, as one with a refused token does, and tries again', async () => {
    observer.nomad.faults.stream = 'refused';
    watched = watch(observer);
    await waitFor('tries', () => observer.nomad.requests.count('/v1/event/stream') >= 3);
    expect(watched.connected).to.deep.equal([]);
    observer.nomad.faults.stream = 'none';
    await waitFor('a connection', () => watched?.connected.at(-1) === true);
  });

  it('gives up a stream that fell silent', async () => {
    const { connected } = await settled();
    observer.nomad.faults.stream = 'silent';
    await waitFor('the end of the connection', () => connected.includes(false));
    observer.nomad.faults.stream = 'none';
    await waitFor('a new connection', () => connected.at(-1) === true);
  });

  it('S24: wakes when Nomad begins to fail, and again when it is back', async () => {
    const { wakes } = await settled();
    observer.nomad.faults.http500 = '/v1/services';
    observer.nomad.addService({ name: 'api', tags: [enabled], instances: [{ port: 9001 }] });
    await waitFor('a wake', () => wakes.includes('blocking'));
    await waitFor('failures', () => observer.responses.filter((one) => one === '5xx').length >= 3);
    wakes.length = 0;
    observer.nomad.faults.clear();
    await waitFor('a wake', () => wakes.includes('blocking'));
  });

  it('outlives a restart of Nomad', async () => {
    const { wakes, connected } = await settled();
    await observer.nomad.stop();
    await waitFor('the loss', () => connected.at(-1) === false);
    wakes.length = 0;
    await observer.nomad.start();
    await waitFor('the return', () => connected.at(-1) === true && wakes.includes('blocking'));
  });

  it('wakes when the index goes back, and blocks from there', async () => {
    const before = observer.nomad.state.snapshot();
    observer.nomad.addService({ name: 'api', tags: [enabled], instances: [{ port: 9001 }] });
    const { wakes } = await settled();
    observer.nomad.state.restore(before);
    await waitFor('a wake', () => wakes.includes('blocking'));
    wakes.length = 0;
    observer.nomad.addService({ name: 'late', tags: [enabled], instances: [{ port: 9002 }] });
    await waitFor('a wake', () => wakes.includes('blocking'));
  });

  it('never blocks with index 0', async () => {
    await settled();
    const blocking = observer.nomad.requests.all.filter(({ query }) => 'wait' in query);
    expect(blocking.length).to.be.greaterThan(0);
    expect(blocking.every(({ query }) => Number(query['index']) > 0)).to.equal(true);
  });

  it('subscribes anew when the set of namespaces changes, and only then', async () => {
    const { connected, sources, wakes } = await settled();
    sources.namespacesSeen(['default']);
    sources.namespacesSeen(['default']);
    expect(observer.nomad.requests.count('/v1/event/stream')).to.equal(1);
    observer.nomad.createNamespace('team');
    sources.namespacesSeen(['team', 'default']);
    await waitFor('a new subscription', () => connected.length === 3);
    wakes.length = 0;
    observer.nomad.registerJob({
      ID: 'j',
      Namespace: 'team',
      TaskGroups: [{ Name: 'g', Tasks: [{ Name: 't' }] }],
    });
    await waitFor('a wake', () => wakes.includes('stream'));
  });

  it('ends at once on abort, and leaves no connection', async () => {
    const now = await settled({ blockMs: 60_000 });
    const startedAt = Date.now();
    await now.stop();
    expect(Date.now() - startedAt).to.be.lessThan(500);
    await waitFor('no stream', () => observer.nomad.openStreams === 0);
    expect(now.connected.at(-1)).to.equal(false);
  });

  it('ends at once on abort while nothing answers', async () => {
    observer.nomad.faults.hang = true;
    const now = watch(observer, { firstByteMs: 60_000 });
    await waitFor('requests', () => observer.nomad.requests.all.length >= 2);
    const startedAt = Date.now();
    await now.stop();
    expect(Date.now() - startedAt).to.be.lessThan(500);
  });
});

function blocked(observer: Observer): number {
  return observer.nomad.requests.all.filter(({ query }) => 'wait' in query).length;
}
