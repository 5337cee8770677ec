import { expect } from 'chai';
import { createAddressBook } from '../../src/observe/catalog/addresses.js';

describe('the addresses of host names', () => {
  let now = 0;
  let answers: Record<string, readonly string[]> = {};
  let asked: string[] = [];

  beforeEach(() => {
    now = 0;
    asked = [];
    answers = { db: ['10.0.0.2', '10.0.0.1'], six: ['2001:db8::1', '10.0.0.9'] };
  });

  function book(timeoutMs = 1000) {
    const lookup = (host: string): Promise<readonly string[]> => {
      asked.push(host);
      if (host === 'slow') return new Promise(() => undefined);
      const found = answers[host];
      return found === undefined ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve(found);
    };
    return createAddressBook({ lookup, now: () => now, ttlMs: 1000, timeoutMs });
  }

  it('are the first in order, IPv4 before IPv6', async () => {
    const found = await book().resolve(['db', 'six', 'db', 'none']);
    expect(Object.fromEntries(found)).to.deep.equal({ db: '10.0.0.1', six: '10.0.0.9' });
    expect(asked).to.deep.equal(['db', 'six', 'none']);
  });

  it('stay the same while the name has them, in whatever order, and are asked for again in time', async () => {
    const addresses = book();
    await addresses.resolve(['db']);
    answers = { db: ['10.0.0.0', '10.0.0.1'] };
    now = 999;
    await addresses.resolve(['db']);
    expect(asked).to.have.lengthOf(1);
    now = 1001;
    expect((await addresses.resolve(['db'])).get('db')).to.equal('10.0.0.1');
    expect(asked).to.have.lengthOf(2);
    answers = { db: ['10.0.0.7'] };
    now = 3000;
    expect((await addresses.resolve(['db'])).get('db')).to.equal('10.0.0.7');
  });

  it('stay when the name can no longer be resolved', async () => {
    const addresses = book();
    await addresses.resolve(['db']);
    answers = {};
    now = 5000;
    expect((await addresses.resolve(['db'])).get('db')).to.equal('10.0.0.1');
  });

  it('are those of IPv6 where there is nothing else, as HAProxy prints them', async () => {
    answers = { six: ['2001:DB8:0::7', '2001:db8::8'], mapped: ['::FFFF:a00:1'] };
    const found = Object.fromEntries(await book().resolve(['six', 'mapped']));
    expect(found).to.deep.equal({ six: '2001:db8::7', mapped: '::ffff:10.0.0.1' });
  });

  it('are one whatever the case of the name; a dot at its end makes it another', async () => {
    answers = { 'db.internal': ['10.0.0.1'], 'db.internal.': ['10.0.0.2'] };
    const found = await book().resolve(['DB.Internal', 'db.internal', 'Db.internal.']);
    expect(Object.fromEntries(found)).to.deep.equal({
      'DB.Internal': '10.0.0.1',
      'db.internal': '10.0.0.1',
      'Db.internal.': '10.0.0.2',
    });
    expect(asked).to.deep.equal(['db.internal', 'db.internal.']);
  });

  it('are found soon after a resolver that flaps, and stay while it does', async () => {
    const addresses = book();
    answers = {};
    expect((await addresses.resolve(['db'])).has('db')).to.equal(false);
    for (const round of [1, 2, 3]) {
      now = round * 2000;
      answers = round % 2 === 1 ? { db: ['10.0.0.5'] } : { db: [] };
      expect((await addresses.resolve(['db'])).get('db')).to.equal('10.0.0.5');
    }
  });

  it('outlive a name that nobody asks for for a while', async () => {
    const addresses = book();
    await addresses.resolve(['db']);
    await addresses.resolve([]);
    answers = {};
    now = 60_000;
    expect((await addresses.resolve(['db'])).get('db')).to.equal('10.0.0.1');
    now = 60_000 + 3_600_000;
    await addresses.resolve([]);
    expect((await addresses.resolve(['db'])).has('db')).to.equal(false);
  });

  it('are asked for once while the resolver hangs, and nobody waits a second time', async () => {
    const addresses = book(20);
    await addresses.resolve(['slow']);
    now = 10_000;
    const startedAt = process.hrtime.bigint();
    const patient = createAddressBook({
      lookup: () => new Promise(() => undefined),
      timeoutMs: 60_000,
      now: () => now,
    });
    void patient.resolve(['slow']);
    expect((await patient.resolve(['slow'])).has('slow')).to.equal(false);
    expect(Number(process.hrtime.bigint() - startedAt) / 1e6).to.be.lessThan(30_000);
    await addresses.resolve(['slow']);
    expect(asked).to.deep.equal(['slow']);
  });

  it('that come after the timeout count for the next read', async () => {
    let answer: (found: readonly string[]) => void = () => undefined;
    const late = createAddressBook({
      lookup: () => new Promise((resolve) => (answer = resolve)),
      timeoutMs: 10,
      now: () => now,
    });
    expect((await late.resolve(['db'])).has('db')).to.equal(false);
    answer(['10.0.0.3']);
    await new Promise(setImmediate);
    expect((await late.resolve(['db'])).get('db')).to.equal('10.0.0.3');
  });

  it('are asked for two at a time, so that names of jobs leave threads to others', async () => {
    const begun: string[] = [];
    const hanging = createAddressBook({
      lookup: (host) => {
        begun.push(host);
        return new Promise(() => undefined);
      },
      timeoutMs: 10,
    });
    await hanging.resolve(['a', 'b', 'c', 'd', 'e']);
    expect(begun).to.deep.equal(['a', 'b']);
  });

  it('are not waited for longer than the timeout', async () => {
    expect((await book(20).resolve(['slow', 'db'])).has('slow')).to.equal(false);
  });
});
