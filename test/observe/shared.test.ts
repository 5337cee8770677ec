import { expect } from 'chai';

import { shareReads } from '../../src/observe/catalog/shared.js';
import type { CatalogReader, ReadOptions } from '../../src/observe/catalog/reader.js';
import type { Catalog } from '../../src/observe/types.js';

/** A reader whose reads the test ends. */
function started() {
  const reads: {
    full: boolean;
    signal: AbortSignal;
    see: (id: string) => void;
    end: (name: string) => void;
    fail: () => void;
  }[] = [];
  const reader = {
    read: ({ full, onSight, signal }: ReadOptions) =>
      new Promise<Catalog>((resolve, reject) => {
        const end = (name: string) => resolve({ name } as unknown as Catalog);
        const see = (id: string) =>
          onSight?.([{ id, clientStatus: 'running', desiredStatus: 'stop' }]);
        reads.push({ full: full ?? false, signal, see, end, fail: () => reject(new Error('no')) });
      }),
  } as unknown as CatalogReader;
  const shared = shareReads(reader);
  const stops = new Map<string, AbortController>();
  /** By who saw it. */
  const sights: string[] = [];
  const ask = (who: string, full = false): Promise<unknown> => {
    const stop = new AbortController();
    stops.set(who, stop);
    const onSight: ReadOptions['onSight'] = (seen) =>
      void sights.push(...seen.map(({ id }) => `${who} ${id}`));
    return shared.read({ full, onSight, signal: stop.signal }).catch((error: unknown) => error);
  };
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return {
    reads,
    sights,
    ask,
    turn,
    stop: (who: string) => stops.get(who)?.abort(new Error('stopped')),
  };
}

describe('shared reads of the catalog', () => {
  it('are one where they are asked for in the same turn, in full if one wants it', async () => {
    const { reads, ask, turn } = started();
    const all = [ask('a'), ask('b', true), ask('c')];
    await turn();
    expect(reads.map(({ full }) => full)).to.deep.equal([true]);
    reads[0]?.end('first');
    expect(await Promise.all(all)).to.deep.equal([0, 1, 2].map(() => ({ name: 'first' })));
  });

  it('tell all who share one of what they see, and nobody else', async () => {
    const { reads, sights, ask, turn } = started();
    void ask('a');
    void ask('b');
    await turn();
    void ask('c');
    reads[0]?.see('stopping');
    expect(sights).to.deep.equal(['a stopping', 'b stopping']);
  });

  it('begin after they were asked for, and never two at once', async () => {
    const { reads, ask, turn } = started();
    const first = ask('a');
    await turn();
    const later = [ask('b'), ask('c')];
    await turn();
    expect(reads).to.have.lengthOf(1);
    reads[0]?.end('first');
    await turn();
    expect(reads).to.have.lengthOf(2);
    reads[1]?.end('second');
    expect(await first).to.deep.equal({ name: 'first' });
    expect(await Promise.all(later)).to.deep.equal([{ name: 'second' }, { name: 'second' }]);
  });

  it('begin for who comes after all that waited for the next one left', async () => {
    const { reads, ask, turn, stop } = started();
    const first = ask('a');
    await turn();
    const gone = ask('b');
    stop('b');
    expect(await gone)
      .to.be.an('error')
      .with.property('message', 'stopped');
    const late = ask('c');
    reads[0]?.end('first');
    while (reads.length < 2) await turn();
    expect(reads.map((one) => one.signal.aborted)).to.deep.equal([false, false]);
    reads[1]?.end('second');
    expect(await first).to.deep.equal({ name: 'first' });
    expect(await late).to.deep.equal({ name: 'second' });
  });

  it('fail for all who share one, and not for the next', async () => {
    const { reads, ask, turn } = started();
    const all = [ask('a'), ask('b')];
    await turn();
    const next = ask('c');
    reads[0]?.fail();
    expect((await Promise.all(all)).map((error) => (error as Error).message)).to.deep.equal([
      'no',
      'no',
    ]);
    await turn();
    reads[1]?.end('second');
    expect(await next).to.deep.equal({ name: 'second' });
  });

  it('go on for the others when one stops, and end when all did', async () => {
    const { reads, ask, turn, stop } = started();
    const all = [ask('a'), ask('b')];
    await turn();
    stop('a');
    expect(await all[0]).to.be.instanceOf(Error);
    expect(reads[0]?.signal.aborted).to.equal(false);
    stop('b');
    await all[1];
    expect(reads[0]?.signal.aborted).to.equal(true);
  });
});
