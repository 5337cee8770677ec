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

  it('are not waited for longer than the timeout', async () => {
    expect((await book(20).resolve(['slow', 'db'])).has('slow')).to.equal(false);
  });
});
