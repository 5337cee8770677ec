import { expect } from 'chai';

import type { AllocationSight } from '../../src/observe/types.js';
import { enabled, startObserver, type Observer } from './setup.js';

/** What the stream says of an allocation, true or not. */
const said = (index: number, ...ids: readonly string[]): string =>
  JSON.stringify({
    Index: index,
    Events: ids.map((ID) => ({
      ...{ Topic: 'Allocation', Key: ID, Namespace: 'default', FilterKeys: ['web', ''] },
      Payload: {
        Allocation: { ID, Namespace: 'default', DesiredStatus: 'stop', ClientStatus: 'running' },
      },
    })),
  });

describe('allocations that leave by what the stream says', () => {
  let observer: Observer;
  let ids: readonly string[];
  let seen: AllocationSight[];

  beforeEach(async () => {
    observer = await startObserver();
    const instances = Array.from({ length: 10 }, (_, at) => ({ port: 9000 + at }));
    observer.nomad.addService({ name: 'web', tags: [enabled], instances });
    ids = observer.nomad.allocsOf('web').map(({ ID }) => ID);
    await observer.read();
    observer.nomad.requests.reset();
    seen = [];
  });
  afterEach(() => observer.close());

  const read = () =>
    observer.reader.read({
      onSight: (sights) => seen.push(...sights),
      signal: new AbortController().signal,
    });
  const asked = () =>
    observer.nomad.requests.all.flatMap(({ query }) =>
      query['prefix'] === undefined ? [] : [query['prefix']],
    );

  it('are told of while everything else hangs', async () => {
    const [first = ''] = ids;
    observer.nomad.stopAlloc(first, 'desired');
    observer.reader.hear(said(99, first));
    observer.nomad.faults.hang = '/v1/services';
    const stop = new AbortController();
    const sight = new Promise<readonly AllocationSight[]>((resolve) => {
      void observer.reader.read({ onSight: resolve, signal: stop.signal }).catch(() => undefined);
    });
    expect(await sight).to.deep.equal([
      { id: first, clientStatus: 'running', desiredStatus: 'stop' },
    ]);
    stop.abort();
  });

  it('are what Nomad says, not what the stream does', async () => {
    observer.reader.hear(said(99, ids[0] ?? ''));
    const { allocations } = await read();
    expect(asked()).to.deep.equal([ids[0]]);
    expect(seen.map(({ desiredStatus }) => desiredStatus)).to.deep.equal(['run']);
    expect(allocations[ids[0] ?? '']?.desiredStatus).to.equal('run');
  });

  it('are asked about once, and only where they are known and run', async () => {
    const [first = '', second = ''] = ids;
    observer.nomad.stopAlloc(first, 'desired');
    await read();
    observer.reader.hear(said(99, first, second, '0b3f1f4e-0000-0000-0000-000000000000'));
    observer.reader.hear(said(100, second));
    observer.nomad.requests.reset();
    await read();
    expect(asked()).to.deep.equal([second]);
    await read();
    expect(asked()).to.deep.equal([second]);
  });

  it('are told of where the stream says so in the middle of a read', async () => {
    const [first = ''] = ids;
    observer.nomad.faults.hang = '/v1/services';
    const stop = new AbortController();
    const sight = new Promise<readonly AllocationSight[]>((resolve) => {
      void observer.reader.read({ onSight: resolve, signal: stop.signal }).catch(() => undefined);
    });
    observer.nomad.stopAlloc(first, 'desired');
    observer.reader.hear(said(99, first));
    expect((await sight).map(({ id }) => id)).to.deep.equal([first]);
    stop.abort();
  });

  it('are looked at by the next read where this one is over first', async () => {
    const [first = ''] = ids;
    observer.nomad.faults.hang = /[?&]prefix=/;
    observer.reader.hear(said(99, first));
    await read();
    observer.nomad.faults.clear();
    expect(seen).to.deep.equal([]);
    await read();
    expect(asked()).to.deep.equal([first, first]);
    expect(seen.map(({ id }) => id)).to.deep.equal([first]);
  });

  it('are left to the list where they are many, at once or one after another', async () => {
    observer.reader.hear(said(99, ...ids));
    await read();
    expect(asked()).to.deep.equal([]);
    const reading = read();
    for (const id of ids) observer.reader.hear(said(100, id));
    await reading;
    // The read may end before the last of them is asked about.
    expect(asked().length).to.be.within(1, 8);
  });

  it('are left to the list where the look fails, hangs or finds nothing', async () => {
    const { faults } = observer.nomad;
    for (const [fault, at] of [
      ['http500', 0],
      ['hang', 1],
      ['emptyList', 2],
    ] as const) {
      const id = ids[at] ?? '';
      observer.nomad.stopAlloc(id, 'desired');
      observer.reader.hear(said(99, id));
      faults[fault] = /[?&]prefix=/;
      const { allocations } = await read();
      expect(allocations[id]?.desiredStatus, fault).to.equal('stop');
      expect(seen.map((one) => one.id)).to.include(id);
      faults.clear();
    }
  });
});
