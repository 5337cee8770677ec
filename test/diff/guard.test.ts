import { expect } from 'chai';
import fc from 'fast-check';

import { allocationOf, isLeaving } from '../../src/observe/catalog/model/allocation.js';
import { guard, type GuardInput } from '../../src/diff/plan/guard.js';
import type { Held } from '../../src/diff/types.js';
import type { AllocationFacts } from '../../src/observe/types.js';
import {
  actualBackend,
  actualState,
  allocation,
  allocations,
  allocId,
  backend,
  catalog,
  customBackend,
  desiredState,
  drainingSlot,
  endpoint,
  idOf,
  input,
  now,
  operatorBackend,
  planFor,
  slot,
  stepsOf,
  withSettings,
} from './given.js';
import { converge } from './model.js';

const names = ['a', 'b', 'c', 'd'] as const;
const slots = names.map((name, at) => slot(`nomad_web_${at + 1}`, { binding: name }));
const actual = actualState([actualBackend('web', { slots })]);

function wanting(...instances: readonly string[]) {
  return desiredState([backend('web', { endpoints: instances.map((name) => endpoint(name)) })]);
}

function ask(given: Partial<GuardInput> = {}): Held | undefined {
  return guard({
    actual,
    desired: wanting('a', 'b', 'c', 'd'),
    catalog: catalog(),
    settings: { maxRemovalPercent: 50, tracelessHoldMs: 0, allowRemovals: false },
    hidden: [],
    nowMs: now * 1000,
    ...given,
  }).held;
}

const ids = (...instances: readonly string[]) => instances.map(idOf);

describe('R6.2 guard: removals that are inferred from absence alone', () => {
  it('nothing is absent: nothing is held', () => {
    expect(ask()).to.equal(undefined);
  });

  describe('the limit', () => {
    it('up to the share, and with it, absence is believed (S12)', () => {
      expect(ask({ desired: wanting('a', 'b', 'c') })).to.equal(undefined);
      expect(ask({ desired: wanting('a', 'b') })).to.equal(undefined);
    });

    it('above it, all that is absent is held', () => {
      expect(ask({ desired: wanting('a') })).to.deep.equal({
        reason: 'too much would go at once',
        instances: ids('b', 'c', 'd'),
        backends: [],
        releasable: true,
      });
    });

    it('backends have a share of their own', () => {
      const two = actualState([actualBackend('api'), actualBackend('web', { slots })]);
      const only = (desired = wanting('a', 'b', 'c', 'd')) => ask({ actual: two, desired });
      expect(only(), 'one of two').to.equal(undefined);
      const three = actualState([actualBackend('api'), actualBackend('db'), actualBackend('web')]);
      const held = ask({ actual: three, desired: wanting() });
      expect(held?.backends).to.deep.equal(['nomad_api', 'nomad_db']);
    });

    it("the operator's backends don't count, our servers in them do", () => {
      const pool = operatorBackend('pool', slots);
      const left = desiredState([customBackend('web', { endpoints: [endpoint('a')] })]);
      const held = ask({ actual: actualState([pool, operatorBackend('x')]), desired: left });
      expect(held).to.deep.include({ instances: ids('b', 'c', 'd'), backends: [] });
    });

    it('what drains already is not asked about again', () => {
      const draining = names.map((name, at) => drainingSlot(`nomad_web_${at + 1}`, name, 5));
      const one = actualState([actualBackend('web', { slots: draining })]);
      expect(ask({ actual: one, desired: wanting() })).to.equal(undefined);
    });

    it('an instance that another backend wants is not absent', () => {
      const moved = desiredState([
        backend('api', { endpoints: names.map((name) => endpoint(name)) }),
        backend('web'),
      ]);
      expect(ask({ desired: moved })).to.equal(undefined);
    });
  });

  describe('two reads that agree', () => {
    const first = ask({ desired: wanting('a') });

    it('the second read that would remove the same releases it', () => {
      expect(first).not.to.equal(undefined);
      expect(ask({ desired: wanting('a'), ...confirming(first) })).to.equal(undefined);
    });

    it('so does one that would remove less', () => {
      const strict = { maxRemovalPercent: 10, tracelessHoldMs: 0, allowRemovals: false };
      const desired = wanting('a', 'b');
      expect(ask({ desired, settings: strict, ...confirming(first) })).to.equal(undefined);
    });

    it('one that would remove something else does not', () => {
      const held = ask({ desired: wanting('b'), ...confirming(first) });
      expect(held?.instances).to.deep.equal(ids('a', 'c', 'd'));
    });
  });

  describe('whatever the reads before were worth', () => {
    const someRead = fc.record(
      { wanted: fc.subarray([...names]), trusted: fc.boolean() },
      { noNullPrototype: true },
    );

    it('removals above the limit follow two trusted reads in a row that agree, and nothing less', () => {
      fc.assert(
        fc.property(fc.array(someRead, { minLength: 1, maxLength: 6 }), (reads) => {
          let confirms: Held | undefined;
          let before: (typeof reads)[number] | undefined;
          for (const read of reads) {
            const trust = read.trusted
              ? ({ removals: 'allowed' } as const)
              : ({ removals: 'held', reason: 'torn' } as const);
            const desired = wanting(...read.wanted);
            const held = ask({ desired, catalog: catalog({ trust }), ...confirming(confirms) });
            const over = read.wanted.length < names.length / 2;
            const confirmed =
              before?.trusted === true &&
              before.wanted.length < names.length / 2 &&
              before.wanted.every((name) => read.wanted.includes(name));
            const removes = held === undefined && read.wanted.length < names.length;
            if (removes && over) expect(read.trusted && confirmed).to.equal(true);
            if (removes) expect(read.trusted).to.equal(true);
            if (read.trusted && over && confirmed && confirms !== undefined) {
              expect(held).to.equal(undefined);
            }
            confirms = held?.releasable === true ? held : undefined;
            before = held === undefined ? undefined : read;
          }
        }),
      );
    });
  });

  describe('a catalog that can not be trusted', () => {
    const untrusted = catalog({ trust: { removals: 'held', reason: 'an empty list' } });

    it('nothing is removed, however little, however often it is read', () => {
      const desired = wanting('a', 'b', 'c');
      const expected = { reason: 'an empty list', instances: ids('d'), backends: [] };
      const held = ask({ desired, catalog: untrusted });
      expect(held).to.deep.equal({ ...expected, releasable: true, untrusted: true });
      expect(ask({ desired, catalog: untrusted, ...confirming(held) })).to.deep.equal(held);
    });

    it('nothing to remove: nothing held', () => {
      expect(ask({ catalog: untrusted })).to.equal(undefined);
    });

    it('an instance that is read as stopping drains all the same', () => {
      const stopping = allocations({ d: { desiredStatus: 'stop' } });
      const desired = wanting('a', 'b', 'c');
      expect(ask({ desired, catalog: { ...untrusted, allocations: stopping } })).to.equal(
        undefined,
      );
    });
  });

  describe('absence that contradicts what Nomad says elsewhere', () => {
    const missing = catalog({ missing: ids('d') });

    it('an allocation that runs without its registration is held', () => {
      expect(ask({ desired: wanting('a', 'b', 'c'), catalog: missing })).to.deep.equal({
        reason: 'the allocation runs, but its registration is missing',
        instances: ids('d'),
        backends: [],
        releasable: false,
      });
    });

    it('another read that agrees does not release it', () => {
      const held = ask({ desired: wanting('a', 'b', 'c'), catalog: missing });
      const again = { desired: wanting('a', 'b', 'c'), catalog: missing, ...confirming(held) };
      expect(ask(again)).to.deep.equal(held);
    });

    it('the others that are absent go', () => {
      const held = ask({ desired: wanting('a', 'b'), catalog: missing });
      expect(held?.instances).to.deep.equal(ids('d'));
    });
  });

  describe('a namespace that Nomad may have, and does not show', () => {
    const none = desiredState([]);

    it('keeps what it has, whoever agrees; with its backends', () => {
      const held = ask({ desired: none, hidden: ['default'] });
      const again = ask({ desired: none, hidden: ['default'], ...confirming(held) });
      expect(again).to.deep.equal(held);
      expect(held).to.deep.equal({
        reason: 'Nomad does not show the namespace default',
        instances: ids('a', 'b', 'c', 'd'),
        backends: ['nomad_web'],
        releasable: false,
      });
    });

    it('keeps nothing of another namespace', () => {
      const held = ask({ desired: none, hidden: ['other'] });
      expect(held).to.include({ reason: 'too much would go at once' });
      expect(ask({ desired: none, hidden: ['other'], ...confirming(held) })).to.equal(undefined);
    });

    it('holds nothing where the operator allows removals', () => {
      const settings = { maxRemovalPercent: 50, tracelessHoldMs: 0, allowRemovals: true };
      expect(ask({ desired: none, hidden: ['default'], settings })).to.equal(undefined);
    });
  });

  describe('an allocation that was positively read', () => {
    const leaving: readonly Partial<AllocationFacts>[] = [
      { desiredStatus: 'stop' },
      { desiredStatus: 'evict' },
      { clientStatus: 'complete' },
      { clientStatus: 'failed' },
      { clientStatus: 'lost' },
    ];
    const staying: readonly Partial<AllocationFacts>[] = [
      {},
      { clientStatus: 'pending' },
      { clientStatus: 'unknown' },
    ];

    it('stopping or over: no question is asked, even about the last', () => {
      for (const facts of leaving) {
        const all = allocations(Object.fromEntries(names.map((name) => [name, facts])));
        const held = ask({ desired: desiredState(), catalog: catalog({ allocations: all }) });
        expect(held, JSON.stringify(facts)).to.equal(undefined);
        expect(isLeaving(allocation(facts))).to.equal(true);
      }
    });

    it('anything else is no licence', () => {
      for (const facts of staying) {
        const all = allocations(Object.fromEntries(names.map((name) => [name, facts])));
        const held = ask({ desired: wanting('a'), catalog: catalog({ allocations: all }) });
        expect(held?.instances, JSON.stringify(facts)).to.deep.equal(ids('b', 'c', 'd'));
      }
      expect(isLeaving(undefined)).to.equal(false);
    });
  });

  it('the operator allows it: nothing is held', () => {
    const settings = { maxRemovalPercent: 50, tracelessHoldMs: 0, allowRemovals: true };
    const untrusted = catalog({ trust: { removals: 'held', reason: 'x' }, missing: ids('d') });
    expect(ask({ desired: desiredState(), settings, catalog: untrusted })).to.equal(undefined);
  });

  it('a service that is skipped is served on: nothing of it is absent', () => {
    const skipped = [
      { service: 'default/web', code: 'invalid-tag', reason: '', backend: 'nomad_web' } as const,
    ];
    expect(ask({ desired: desiredState([], [], { skipped }) })).to.equal(undefined);
  });

  it('the allocation stands in the id of a registration', () => {
    expect(allocationOf(idOf('a'))).to.equal(allocId('a'));
    expect(allocationOf('10.0.0.1:80')).to.equal('');
  });

  describe('in the plan', () => {
    const all = converge(input(wanting(...names), actualState()));
    const empty = desiredState();

    it('what is held stays, with its backend and route; what is added is added', () => {
      const added = desiredState([backend('api', { endpoints: [endpoint('e')] })]);
      const plan = planFor(added, all);
      expect(plan.held).to.deep.include({ instances: ids(...names), backends: ['nomad_web'] });
      expect(stepsOf(plan, 'delete-backend', 'drain-slot', 'free-slot')).to.deep.equal([]);
      expect(stepsOf(plan, 'create-backend').map((step) => step.backend)).to.deep.equal([
        'nomad_api',
      ]);
    });

    it('while all is held nothing is done, and the next read that agrees removes it', () => {
      const first = planFor(empty, all);
      expect(first.steps).to.deep.equal([]);
      const second = planFor(empty, all, { ...confirming(first.held) });
      expect(stepsOf(second, 'delete-backend')).to.have.length(1);
      expect(second.held).to.equal(undefined);
    });

    it('S12: a stale server goes at the first pass after a restart', () => {
      const plan = planFor(wanting('a', 'b', 'c'), all);
      const drained = plan.steps.map((step) => (step.route === 'no-reload' ? step.slot.name : ''));
      expect(drained).to.deep.equal(['nomad_web_4']);
    });

    it('a held server in a custom backend stays', () => {
      const pooled = desiredState([
        customBackend('web', { endpoints: names.map((name) => endpoint(name)) }),
      ]);
      const there = converge(input(pooled, actualState([operatorBackend('pool')])));
      const plan = planFor(empty, there);
      const deleted = stepsOf(plan, 'delete-server').map((step) => step.before.binding);
      expect(plan.held?.instances).to.deep.equal(ids(...names));
      expect(deleted.filter((binding) => binding !== undefined)).to.deep.equal([]);
      const allowed = withSettings({ guard: { allowRemovals: true } });
      expect(
        converge(input(empty, there, { settings: allowed })).backends['pool']?.slots,
      ).to.deep.equal([]);
    });
  });
});

function confirming(held: Held | undefined): { confirms?: Held } {
  return held === undefined ? {} : { confirms: held };
}
