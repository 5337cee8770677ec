import { expect } from 'chai';

import { loadSettings } from '../../src/config/settings.js';

function leaderOf(leader: object) {
  const readFile = (): string => JSON.stringify({ leader });
  return loadSettings({ flags: { configFile: 'a.json' }, env: {}, readFile }).leader;
}

describe('leader', () => {
  it('is no lock by default', () => {
    expect(leaderOf({})).to.equal(undefined);
    expect(leaderOf({ lock_ttl: '20s' })).to.equal(undefined);
  });

  it('is a lock with times of its own', () => {
    const path = 'haproxy-nomad-connector/leader';
    const plain = { path, ttlMs: 15_000, delayMs: 1000 };
    expect(leaderOf({ lock_path: path })).to.deep.equal(plain);
    const given = { lock_path: path, lock_ttl: 10, lock_delay: '1m' };
    expect(leaderOf(given)).to.deep.equal({ path, ttlMs: 10_000, delayMs: 60_000 });
  });

  for (const [key, value] of [
    ['lock_ttl', '9s'],
    ['lock_ttl', 9],
    ['lock_ttl', '25h'],
    ['lock_delay', '500ms'],
    ['lock_delay', 0],
    ['lock_path', 'a b'],
    ['lock_path', 'nomad/leader'],
  ] as const) {
    it(`is not ${key}: ${value}`, () => {
      const given = { lock_path: 'lock', [key]: value };
      expect(() => leaderOf(given)).to.throw(`leader.${key}: ${JSON.stringify(value)}`);
    });
  }
});
