import { expect } from 'chai';

import type { ServiceHandle } from '../../fixtures/nomad/services.js';
import { enabled, failure, type Observer, serviceOf, startObserver } from './setup.js';

/** Nomad repeats a job's ID in each list: the limit of the observer's answers is 10 MB. */
describe('job IDs that make lists too long', () => {
  let observer: Observer;
  let web: ServiceHandle;
  beforeEach(async () => {
    observer = await startObserver();
    const { nomad } = observer;
    web = nomad.addService({ name: 'web', tags: [enabled], instances: [{ port: 9000 }] });
  });
  afterEach(() => observer.close());

  const long = (length: number, allocations: number, times = 1): void => {
    for (let at = 0; at < times; at += 1) {
      observer.nomad.addService({
        name: `long${at}`,
        tags: [enabled],
        job: { ID: 'x'.repeat(length) + at },
        instances: Array.from({ length: allocations }, (_, one) => ({ port: 9001 + one })),
      });
    }
  };

  for (const [what, length, each, times] of [
    ['one with many allocations', 100_000, 100, 1],
    ['many with none', 1_000_000, 0, 12],
    ['many with one', 1_000_000, 1, 12],
  ] as const) {
    it(`cost others nothing: ${what}`, async () => {
      const { nomad } = observer;
      await observer.read();
      long(length, each, times);
      for (const full of [false, true, false]) {
        const catalog = await observer.read(full);
        expect(catalog.trust).to.deep.equal({ removals: 'allowed' });
        expect(serviceOf(catalog, 'web').instances[0]?.allocation?.clientStatus).to.equal(
          'running',
        );
      }
      // What changes is seen, and ended allocations are told as ever.
      const [alloc] = web.allocs;
      nomad.stopAlloc(alloc!.ID);
      const { allocations } = await observer.read();
      expect(allocations[alloc!.ID]?.desiredStatus).to.equal('stop');
    });
  }

  it('are an error where filters are refused', async () => {
    observer.nomad.faults.noFilters = true;
    long(100_000, 100);
    const error = await failure(observer.read());
    expect(error.code).to.equal('nomad-untrusted');
    expect(error.message).to.contain('limits.answer_bytes');
  });

  it('change no request while lists are short enough', async () => {
    await observer.read();
    await observer.read();
    const filters = observer.nomad.requests.all.map(({ query }) => query['filter'] ?? '');
    expect(filters.filter((one) => one.includes('1000'))).to.deep.equal([]);
  });
});
