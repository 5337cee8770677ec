import { expect } from 'chai';
import fc from 'fast-check';

import { parking } from '../../src/haproxy/slots.js';
import type { ActualSlot } from '../../src/actual/types.js';
import type { Endpoint } from '../../src/desired/types.js';
import { assignSlots, idealSize, type SlotsInput } from '../../src/diff/plan/slots.js';
import type { PlannedSlot } from '../../src/diff/types.js';
import { drainingSlot, endpoint, idOf, now, slot } from './given.js';

type Given = Omit<Partial<SlotsInput>, 'slots' | 'endpoints'>;

function assign(
  slots: readonly ActualSlot[],
  endpoints: readonly Endpoint[],
  given: Given = {},
): readonly PlannedSlot[] {
  return assignSlots({
    prefix: 'nomad_web',
    service: 'default/web',
    slots,
    endpoints,
    hasCheck: true,
    held: new Set(),
    isGone: () => false,
    idle: new Set(),
    now,
    drainTimeoutSeconds: 30,
    settings: { spareFactor: 1, spareMin: 2 },
    structural: false,
    ...given,
  });
}

function at(slots: readonly PlannedSlot[], number: number): PlannedSlot {
  const found = slots.find(({ name }) => name === `nomad_web_${number}`);
  if (found === undefined) throw new Error(`no slot ${number}: ${JSON.stringify(slots)}`);
  return found;
}

/** Who each slot serves: `a`, `a-` where it drains, `.` where it is free. */
function picture(slots: readonly PlannedSlot[]): string {
  const names = new Map('abcdefgh'.split('').map((name) => [idOf(name), name]));
  return slots
    .map(({ binding }) => {
      if (binding === undefined) return '.';
      return `${names.get(binding.id) ?? '?'}${binding.drainingSince === undefined ? '' : '-'}`;
    })
    .join(' ');
}

const web = (number: number) => `nomad_web_${number}`;

describe('slots: which instance a server serves', () => {
  describe('assignment', () => {
    it('instances get the first slots of a new backend, with spares behind them', () => {
      expect(picture(assign([], [endpoint('a'), endpoint('b')]))).to.equal('a b . .');
    });

    it('an instance keeps its slot whatever the others do', () => {
      const slots = [slot(web(1)), slot(web(2), { binding: 'b' }), slot(web(3)), slot(web(4))];
      expect(picture(assign(slots, [endpoint('a'), endpoint('b')]))).to.equal('a b . .');
      expect(picture(assign(slots, [endpoint('b')]))).to.equal('. b . .');
    });

    it('a slot follows its instance to another address, port and weight', () => {
      const moved = endpoint('a', { address: '10.0.0.9', port: 21_000, weight: 20 });
      const [first] = assign([slot(web(1), { binding: 'a' })], [moved]);
      expect(first?.config).to.deep.equal({
        ...{ address: '10.0.0.9', port: 21_000, disabled: false, weight: 20, checkPort: 21_000 },
      });
    });

    it('the check port is always written, or HAProxy goes on with that of the last instance', () => {
      const [same] = assign([], [endpoint('a')]);
      expect(same?.config.checkPort).to.equal(same?.config.port);
      const [other] = assign([], [endpoint('a', { checkPort: 9000 })]);
      expect(other?.config.checkPort).to.equal(9000);
    });

    it('without a check there is no check port', () => {
      const [first] = assign([], [endpoint('a')], { hasCheck: false });
      expect(first?.config).not.to.have.property('checkPort');
    });

    it('a free slot is parked in maintenance', () => {
      expect(at(assign([], []), 1)).to.deep.include({ config: parking, admin: 'maint' });
    });

    it('two slots with one instance: one keeps it, the other drains', () => {
      const slots = [slot(web(1), { binding: 'a' }), slot(web(2), { binding: 'a' })];
      const planned = assign(slots, [endpoint('a')]);
      expect(picture(planned)).to.equal('a a-');
    });

    it('of two slots with one instance, that which drains already goes on draining', () => {
      const slots = [drainingSlot(web(1), 'a', 5), slot(web(2), { binding: 'a' })];
      expect(picture(assign(slots, [endpoint('a')]))).to.equal('a- a');
      const idle = new Set([web(1)]);
      expect(picture(assign(slots, [endpoint('a')], { idle }))).to.equal('. a');
    });

    it("a server with another name than a slot's is no slot: its instance gets one", () => {
      const slots = [slot('other_1', { binding: 'a' }), slot(web(2)), slot(web(3))];
      expect(picture(assign(slots, [endpoint('a')], { structural: true }))).to.equal('. a .');
    });
  });

  describe('pending', () => {
    it('an instance that is pending has a slot and gets no traffic', () => {
      const [first] = assign([slot(web(1))], [endpoint('a', { phase: 'gate' })]);
      expect(first).to.deep.include({ admin: 'drain' });
      expect(first?.config.disabled).to.equal(true);
      expect(first?.binding).to.deep.equal({ id: idOf('a'), createIndex: 100 });
    });

    it('it serves from the same slot once it runs', () => {
      const config = { ...endpoint('a'), disabled: true, weight: 100 };
      const slots = [slot(web(1)), slot(web(2), { binding: 'a', config })];
      const planned = assign(slots, [endpoint('a')]);
      expect(picture(planned)).to.equal('. a');
      expect(at(planned, 2).admin).to.equal('ready');
    });
  });

  describe('draining', () => {
    const serving = [slot(web(1), { binding: 'a' }), slot(web(2), { binding: 'b' })];

    it('an instance that stops drains, from now on', () => {
      const planned = assign(serving, [endpoint('a', { phase: 'drain' }), endpoint('b')]);
      expect(picture(planned)).to.equal('a- b');
      expect(at(planned, 1)).to.deep.include({ admin: 'drain' });
      expect(at(planned, 1).binding?.drainingSince).to.equal(now);
      expect(at(planned, 1).config.disabled).to.equal(true);
    });

    it('one that clients hold cookies of drains in maintenance: cookies lead to any other state', () => {
      const leaving = [endpoint('a', { phase: 'drain' }), endpoint('b')];
      const planned = assign(serving, leaving, { sticky: true });
      expect(picture(planned)).to.equal('a- b');
      expect(at(planned, 1)).to.deep.include({ admin: 'maint' });
    });

    it('an instance that is absent drains too', () => {
      expect(picture(assign(serving, [endpoint('b')]))).to.equal('a- b');
    });

    it('an instance that was never bound and stops gets no slot', () => {
      const planned = assign([slot(web(1))], [endpoint('a', { phase: 'drain' })]);
      expect(picture(planned)).to.equal('.');
    });

    it('the start of a drain is kept from pass to pass', () => {
      const slots = [drainingSlot(web(1), 'a', 12), slot(web(2), { binding: 'b' })];
      const planned = assign(slots, [endpoint('b')]);
      expect(at(planned, 1).binding?.drainingSince).to.equal(now - 12);
    });

    it('a drain ends at its deadline, not before', () => {
      const b = slot(web(2), { binding: 'b' });
      const after = (seconds: number) =>
        picture(assign([drainingSlot(web(1), 'a', seconds), b], [endpoint('b')]));
      expect(after(29)).to.equal('a- b');
      expect(after(30)).to.equal('. b');
    });

    it('a drain from a clock that was ahead begins anew by the present one', () => {
      const b = slot(web(2), { binding: 'b' });
      const planned = assign([drainingSlot(web(1), 'a', -86_400), b], [endpoint('b')]);
      expect(at(planned, 1).binding?.drainingSince).to.equal(now);
      expect(at(planned, 1)).to.deep.include({ admin: 'drain' });
    });

    it('however the clock jumps, a drain ends within its deadline after the last jump', () => {
      const someJumps = fc.array(fc.integer({ min: -100_000, max: 100_000 }), { maxLength: 5 });
      fc.assert(
        fc.property(someJumps, (jumps) => {
          const b = slot(web(2), { binding: 'b' });
          let clock = now;
          let first: ActualSlot = slot(web(1), { binding: 'a' });
          const pass = (): void => {
            const planned = at(assign([first, b], [endpoint('b')], { now: clock }), 1);
            const { binding, config } = planned;
            first = slot(web(1), binding === undefined ? { config } : { binding, config });
          };
          pass();
          for (const jump of jumps) {
            clock += jump;
            pass();
          }
          for (const seconds of [1, 28, 1]) {
            clock += seconds;
            pass();
          }
          expect(first.binding).to.equal(undefined);
        }),
      );
    });

    it('a drain ends early when no request is in flight', () => {
      const slots = [drainingSlot(web(1), 'a', 3), slot(web(2), { binding: 'b' })];
      expect(picture(assign(slots, [endpoint('b')], { idle: new Set([web(1)]) }))).to.equal('. b');
    });

    it('a drain that begins now is not ended by what was read before it began', () => {
      const planned = assign(serving, [endpoint('b')], { idle: new Set([web(1)]) });
      expect(picture(planned)).to.equal('a- b');
    });

    it('S17: an instance that comes back while it drains serves again, in its slot', () => {
      const slots = [drainingSlot(web(1), 'a', 29), slot(web(2))];
      const planned = assign(slots, [endpoint('a', { createIndex: 120 })]);
      expect(picture(planned)).to.equal('a .');
      expect(at(planned, 1)).to.deep.include({ admin: 'ready' });
      expect(at(planned, 1).binding).to.deep.equal({ id: idOf('a'), createIndex: 120 });
    });

    it('S17: the same address and port under a new id gets a slot of its own', () => {
      const same = { address: '10.0.0.1', port: endpoint('a').port };
      const slots = [drainingSlot(web(1), 'a', 29), slot(web(2))];
      expect(picture(assign(slots, [endpoint('b', same)]))).to.equal('a- b');
    });

    it('a slot that drains takes no other instance: the backend grows rather', () => {
      const slots = [drainingSlot(web(1), 'a', 3)];
      expect(picture(assign(slots, [endpoint('b')]))).to.equal('a- b .');
    });

    it('a slot that is freed now is the last to be filled again', () => {
      const slots = [drainingSlot(web(1), 'a', 30), slot(web(2)), slot(web(3))];
      expect(picture(assign(slots, [endpoint('b')]))).to.equal('. b .');
      const full = [drainingSlot(web(1), 'a', 30), slot(web(2), { binding: 'c' })];
      expect(picture(assign(full, [endpoint('b'), endpoint('c')]))).to.equal('b c');
    });
  });

  describe('S8: the last one that serves', () => {
    const down = {
      admin: 'ready',
      operational: 'down',
      address: '10.0.0.1',
      port: 20_098,
    } as const;
    const last = slot(web(1), { binding: 'a' });
    const waiting = slot(web(2), { binding: 'b', runtime: down });
    const leaving = [endpoint('a', { phase: 'drain' }), endpoint('b')];

    it('stays while its replacement waits for its check', () => {
      const planned = assign([last, waiting], leaving);
      expect(picture(planned)).to.equal('a b');
      expect(at(planned, 1)).to.deep.include({ admin: 'ready', config: last.config });
    });

    it('stays in the pass that binds its replacement', () => {
      expect(picture(assign([last, slot(web(2))], leaving))).to.equal('a b');
    });

    it('drains once the replacement is UP', () => {
      expect(picture(assign([last, slot(web(2), { binding: 'b' })], leaving))).to.equal('a- b');
    });

    it('goes whatever once its allocation is over', () => {
      const terminal = [endpoint('a', { phase: 'drain', terminal: true }), endpoint('b')];
      expect(picture(assign([last, waiting], terminal))).to.equal('a- b');
      const absent = [endpoint('b')];
      expect(picture(assign([last, waiting], absent))).to.equal('a b');
      const isGone = (id: string) => id === idOf('a');
      expect(picture(assign([last, waiting], absent, { isGone }))).to.equal('a- b');
    });

    describe('whose allocation Nomad knows', () => {
      const mayRun = () => true;
      const alone = [endpoint('a', { phase: 'drain' })];

      it('stays while its replacement has yet to run', () => {
        const gated = [...alone, endpoint('b', { phase: 'gate' })];
        expect(picture(assign([last, slot(web(2))], gated, { mayRun }))).to.equal('a b');
      });

      it('stays while a job asks for an instance, and drains when none does', () => {
        expect(picture(assign([last], alone, { expected: 1, mayRun }))).to.equal('a');
        expect(picture(assign([last], alone, { expected: 0, mayRun }))).to.equal('a-');
        expect(picture(assign([last], alone, { mayRun }))).to.equal('a-');
      });
    });

    it('S12: drains when Nomad knows no allocation: its address may be another’s by now', () => {
      expect(picture(assign([last], [], { expected: 1 }))).to.equal('a-');
      const gated = [endpoint('b', { phase: 'gate' })];
      expect(picture(assign([last, slot(web(2))], gated))).to.equal('a- b');
    });

    it('one of several that leave stays, the others drain', () => {
      const slots = [last, slot(web(2), { binding: 'b' }), slot(web(3))];
      expect(picture(assign(slots, [endpoint('c')]))).to.equal('a b- c');
    });
  });

  describe('held by the guard', () => {
    it('stays as it is', () => {
      const slots = [slot(web(1), { binding: 'a' }), slot(web(2), { binding: 'b' })];
      const planned = assign(slots, [endpoint('b')], { held: new Set([idOf('a')]) });
      expect(picture(planned)).to.equal('a b');
      expect(at(planned, 1)).to.deep.include({ admin: 'ready', config: slots[0]?.config });
    });

    it('does not hold one that was positively read as stopping', () => {
      const slots = [slot(web(1), { binding: 'a' }), slot(web(2), { binding: 'b' })];
      const endpoints = [endpoint('a', { phase: 'drain' }), endpoint('b')];
      const planned = assign(slots, endpoints, { held: new Set([idOf('a')]) });
      expect(picture(planned)).to.equal('a- b');
    });
  });

  describe('size', () => {
    it('spares: a share of the instances, and at least a few', () => {
      const settings = { spareFactor: 0.5, spareMin: 2 };
      expect([0, 1, 4, 5, 9].map((count) => idealSize(count, settings))).to.deep.equal([
        2, 3, 6, 8, 14,
      ]);
    });

    it('a backend that must grow does so ahead of need', () => {
      const slots = [slot(web(1), { binding: 'a' })];
      expect(picture(assign(slots, [endpoint('a'), endpoint('b')]))).to.equal('a b . .');
    });

    it('a backend that is made before its instances have come has slots for all of them', () => {
      expect(assign([], [], { expected: 3 })).to.have.length(6);
      const later = assign(
        [1, 2, 3, 4, 5, 6].map((number) => slot(web(number))),
        [endpoint('a')],
      );
      expect(later).to.have.length(6);
    });

    it('a backend shrinks only when it is written anyway', () => {
      const slots = [1, 2, 3, 4, 5, 6].map((number) => slot(web(number)));
      expect(assign(slots, [endpoint('a')])).to.have.length(6);
      expect(assign(slots, [endpoint('a')], { structural: true })).to.have.length(3);
    });

    it('a slot that is in use is never shrunk away', () => {
      const slots = [1, 2, 3, 4].map((number) => slot(web(number)));
      const high = [...slots, slot(web(5), { binding: 'a' }), drainingSlot(web(6), 'b', 3)];
      expect(picture(assign(high, [endpoint('a')], { structural: true }))).to.equal('. . . . a b-');
    });

    it('a hole is filled', () => {
      const slots = [slot(web(1), { binding: 'a' }), slot(web(4))];
      expect(picture(assign(slots, [endpoint('a')]))).to.equal('a . . .');
    });
  });

  it('S18: while the job spec is unreadable, a check on another port stays there', () => {
    const config = {
      address: '10.0.0.1',
      port: 20_097,
      disabled: false,
      weight: 100,
      checkPort: 9000,
    };
    const slots = [slot(web(1), { binding: 'a', config }), slot(web(2))];
    const planned = assign(slots, [endpoint('a')], { keepCheck: true });
    expect(at(planned, 1).config.checkPort).to.equal(9000);
  });

  describe('laws', () => {
    const someSlots = fc
      .array(fc.tuple(fc.constantFrom('', 'a', 'b', 'c', 'd'), fc.boolean(), fc.boolean()), {
        maxLength: 6,
      })
      .map((all) =>
        all.flatMap(([name, draining, there], index): ActualSlot[] => {
          if (!there) return [];
          if (name === '') return [slot(web(index + 1))];
          if (draining) return [drainingSlot(web(index + 1), name, index * 7)];
          return [slot(web(index + 1), { binding: name })];
        }),
      );
    const someEndpoints = fc
      .subarray(['a', 'b', 'c', 'd', 'e'])
      .chain((names) =>
        fc.tuple(
          ...names.map((name) =>
            fc
              .constantFrom('serve', 'gate', 'drain')
              .map((phase) => endpoint(name, { phase: phase })),
          ),
        ),
      )
      .map((all: readonly Endpoint[]) => all);

    it('each instance that is wanted has one slot, each slot at most one instance, none is skipped', () => {
      fc.assert(
        fc.property(someSlots, someEndpoints, fc.boolean(), (slots, endpoints, structural) => {
          const planned = assign(slots, endpoints, { structural });
          const active = planned.flatMap(({ binding }) =>
            binding !== undefined && binding.drainingSince === undefined ? [binding.id] : [],
          );
          expect(active).to.deep.equal([...new Set(active)]);
          for (const { id, phase } of endpoints) {
            if (phase !== 'drain') expect(active).to.include(id);
          }
          expect(planned.map(({ name }) => name)).to.deep.equal(
            planned.map((_, index) => web(index + 1)),
          );
        }),
      );
    });

    it('a draining slot is never given away before it is free', () => {
      fc.assert(
        fc.property(someSlots, someEndpoints, fc.boolean(), (slots, endpoints, structural) => {
          const planned = assign(slots, endpoints, { structural });
          for (const before of slots) {
            const since = before.binding?.drainingSince ?? now - 30;
            if (before.binding === undefined || now - since >= 30) continue;
            const after = planned.find(({ name }) => name === before.name);
            expect(after?.binding?.id).to.equal(before.binding.id);
          }
        }),
      );
    });

    it('an instance never changes its slot, unless it has two', () => {
      fc.assert(
        fc.property(someSlots, someEndpoints, fc.boolean(), (slots, endpoints, structural) => {
          const planned = assign(slots, endpoints, { structural });
          for (const { id, phase } of endpoints) {
            const before = slots.filter(({ binding }) => binding?.id === id);
            if (phase === 'drain' || before.length !== 1) continue;
            const after = planned.find(({ name }) => name === before[0]?.name);
            expect(after?.binding?.id).to.equal(id);
            expect(after?.binding?.drainingSince).to.equal(undefined);
          }
        }),
      );
    });
  });
});
