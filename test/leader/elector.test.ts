import { setMaxListeners } from 'node:events';

import { expect } from 'chai';
import * as fc from 'fast-check';

import { type Change, createElector, type Elector } from '../../src/leader/elector.js';
import type { Held, Seen, VariableLock } from '../../src/leader/lock.js';
import { ConnectorError } from '../../src/shared/errors.js';

const ttlMs = 15_000;

/** Nomad's side of one lock, by the clock of the test. */
class Nomad {
  nowMs = 0;
  holder: (Held & { renewedAt: number }) | undefined;
  index = 10;
  acquires = 0;
  renewals = 0;
  answers: 'yes' | 'fails' = 'yes';
  readonly #sleepers = new Set<{ at: number; wake: () => void }>();
  readonly #readers = new Set<() => void>();

  /** Frees the lock no sooner than Nomad does: after twice the time to live. */
  lockOf(name: string): VariableLock {
    return {
      ...{ path: 'lock', ownName: name },
      read: async (since, signal) => {
        if (since?.index === this.index) await this.#changed(signal);
        this.#answer();
        return {
          index: this.index,
          term: this.index,
          holder: this.holder?.id.split('-')[0] ?? 'nobody',
        } satisfies Seen;
      },
      acquire: async () => {
        this.acquires++;
        this.#answer();
        if (this.holder !== undefined) return Promise.resolve(undefined);
        const held = { id: `${name}-${++this.index}`, term: this.index };
        this.holder = { ...held, renewedAt: this.nowMs };
        return Promise.resolve(held);
      },
      renew: async (id) => {
        this.renewals++;
        this.#answer();
        if (this.holder?.id !== id) return Promise.resolve(false);
        this.holder.renewedAt = this.nowMs;
        return Promise.resolve(true);
      },
      release: async (id) => {
        this.#answer();
        if (this.holder?.id === id) this.free();
        return Promise.resolve();
      },
    };
  }

  free(): void {
    this.holder = undefined;
    this.index++;
    for (const wake of this.#readers) wake();
  }

  wait = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const sleeper = { at: this.nowMs + ms, wake: () => resolve() };
      this.#sleepers.add(sleeper);
      setMaxListeners(0, signal);
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });

  async advance(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    await settled();
    for (;;) {
      const next = [...this.#sleepers].sort((one, other) => one.at - other.at)[0];
      const freesAt = this.holder && this.holder.renewedAt + 2 * ttlMs;
      const at = Math.min(next?.at ?? Infinity, freesAt ?? Infinity);
      if (at > end) break;
      this.nowMs = Math.max(this.nowMs, at);
      if (at === freesAt) this.free();
      else if (next !== undefined) {
        this.#sleepers.delete(next);
        next.wake();
      }
      await settled();
    }
    this.nowMs = end;
  }

  #answer(): void {
    if (this.answers === 'fails') throw new ConnectorError('nomad-failed', 'Nomad answered 500');
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#readers.add(resolve);
      signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
    });
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

interface Member {
  readonly elector: Elector;
  readonly changes: Change['kind'][];
  readonly stop: AbortController;
  stalled?: Promise<void>;
  goOn?: () => void;
}

describe('the election', () => {
  let nomad: Nomad;
  let members: Member[];

  beforeEach(() => {
    nomad = new Nomad();
    members = [];
  });
  afterEach(async () => {
    await end();
  });

  async function end(): Promise<void> {
    for (const member of members) {
      goOn(member);
      member.stop.abort();
      await member.elector.close();
    }
    members = [];
  }

  function goOn(member: Member): void {
    member.goOn?.();
    delete member.stalled;
  }

  function join(name: string): Member {
    const changes: Change['kind'][] = [];
    const stop = new AbortController();
    const elector = createElector({
      lock: nomad.lockOf(name),
      ttlMs,
      onChange: ({ kind }) => changes.push(kind),
      now: () => nomad.nowMs,
      // A stopped process notices nothing until it goes on.
      wait: async (ms, signal) => {
        await nomad.wait(ms, signal);
        await member.stalled;
      },
    });
    const member: Member = { elector, changes, stop };
    void elector.run(stop.signal);
    members.push(member);
    return member;
  }

  const leads = ({ elector }: Member): boolean => elector.office()?.mayWrite() === true;

  it('a first one leads, a second stands by, with one try to take the lock', async () => {
    const first = join('first');
    await settled();
    const second = join('second');
    await nomad.advance(60_000);
    expect([leads(first), leads(second)]).to.deep.equal([true, false]);
    expect(nomad.acquires).to.equal(2);
    expect(second.changes).to.deep.equal(['standby']);
  });

  it('the term is the ModifyIndex of the lock', async () => {
    const first = join('first');
    await settled();
    expect(first.elector.office()?.term).to.equal(nomad.holder?.term);
  });

  it('says who leads: the leader by its lock, a standby by what it reads', async () => {
    const first = join('first');
    await settled();
    const second = join('second');
    await settled();
    const term = nomad.holder?.term;
    const told = { lock: 'lock', holder: 'first', term };
    expect(first.elector.leadership()).to.deep.equal({ ...told, leads: true });
    expect(second.elector.leadership()).to.deep.equal({ ...told, leads: false });
    nomad.answers = 'fails';
    await nomad.advance(ttlMs);
    expect(first.elector.leadership()).to.deep.equal({ ...told, leads: false });
  });

  it('the leader renews every third of the time to live', async () => {
    join('first');
    await nomad.advance(60_000);
    expect(nomad.renewals).to.equal(12);
  });

  it('a lock that was denied is lost at once, and its office never comes back', async () => {
    const first = join('first');
    await settled();
    const office = first.elector.office()!;
    nomad.free();
    await nomad.advance(5000);
    expect(office.mayWrite()).to.equal(false);
    expect(first.changes).to.include('lost');
    await settled();
    expect(leads(first)).to.equal(true);
    expect(office.mayWrite()).to.equal(false);
  });

  it('errors are waited out until the time to live ends it, and the term goes on after them', async () => {
    const first = join('first');
    await nomad.advance(100);
    const office = first.elector.office()!;
    nomad.answers = 'fails';
    await nomad.advance(ttlMs - 200);
    expect(office.mayWrite()).to.equal(true);
    await nomad.advance(200);
    expect(office.mayWrite()).to.equal(false);
    expect(first.changes).to.deep.equal(['leader', 'failed', 'expired']);
    nomad.answers = 'yes';
    await nomad.advance(2000);
    expect(first.elector.office()?.term).to.equal(office.term);
    expect(first.changes.at(-1)).to.equal('leader');
  });

  it('counts from when the renewal was sent, not from when it was answered', async () => {
    const lock = nomad.lockOf('slow');
    const elector = createElector({
      lock: {
        ...lock,
        acquire: async () => {
          const held = await lock.acquire();
          nomad.nowMs += ttlMs - 1;
          return held;
        },
      },
      ttlMs,
      onChange: () => undefined,
      now: () => nomad.nowMs,
      wait: nomad.wait,
    });
    await elector.acquire(new AbortController().signal);
    expect(elector.office()?.mayWrite()).to.equal(true);
    nomad.nowMs += 1;
    expect(elector.office()).to.equal(undefined);
    await elector.close();
  });

  it('a release hands over at once, and only when it is closed', async () => {
    const first = join('first');
    await settled();
    const second = join('second');
    await settled();
    first.stop.abort();
    await nomad.advance(20_000);
    expect([leads(first), leads(second)]).to.deep.equal([true, false]);
    await first.elector.close();
    await settled();
    expect([leads(first), leads(second)]).to.deep.equal([false, true]);
  });

  it('one that is to stop takes no lock', async () => {
    const first = join('first');
    await settled();
    const second = join('second');
    await settled();
    second.stop.abort();
    await first.elector.close();
    await settled();
    expect(leads(second)).to.equal(false);
  });

  it('tries again where Nomad did not answer', async () => {
    nomad.answers = 'fails';
    const first = join('first');
    await nomad.advance(5000);
    nomad.answers = 'yes';
    await nomad.advance(10_000);
    expect(leads(first)).to.equal(true);
  });

  it('a single pass says who holds the lock', async () => {
    join('first');
    await settled();
    const { elector } = join('once');
    await settled();
    const thrown = await elector.acquire(new AbortController().signal).catch((e: unknown) => e);
    expect(thrown).to.include({ code: 'not-leader' });
  });

  it('never do two lead at once, whatever Nomad answers and however long one is stopped', async () => {
    const event = fc.record({
      ms: fc.integer({ min: 1, max: 40_000 }),
      what: fc.constantFrom('none', 'fail', 'answer', 'restart', 'stall', 'go on'),
      who: fc.integer({ min: 0, max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
        nomad = new Nomad();
        join('first');
        await settled();
        join('second');
        join('third');
        for (const { ms, what, who } of events) {
          const member = members[who]!;
          if (what === 'stall') member.stalled ??= new Promise((done) => (member.goOn = done));
          if (what === 'go on') goOn(member);
          if (what === 'fail') nomad.answers = 'fails';
          if (what === 'answer') nomad.answers = 'yes';
          // Its time begins anew.
          if (what === 'restart' && nomad.holder) nomad.holder.renewedAt = nomad.nowMs;
          await nomad.advance(ms);
          expect(members.filter(leads).length).to.be.at.most(1);
        }
        await end();
      }),
      { numRuns: 100 },
    );
  });
});
