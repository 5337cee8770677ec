import { expect } from 'chai';
import fc from 'fast-check';

import { guard, type Guarded, type GuardInput } from '../../src/diff/plan/guard.js';
import type { Absences, Held } from '../../src/diff/types.js';
import {
  actualBackend,
  actualState,
  allocations,
  backend,
  catalog,
  desiredState,
  endpoint,
  idOf,
  input,
  now,
  planFor,
  slot,
  stepsOf,
  withSettings,
} from './given.js';
import { converge } from './model.js';

const names = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof names)[number];
const slots = names.map((name, at) => slot(`nomad_web_${at + 1}`, { binding: name }));
const actual = actualState([actualBackend('web', { slots })]);
const holdMs = 300_000;
const settings = { maxRemovalPercent: 50, tracelessHoldMs: holdMs, allowRemovals: false };
const untrusted = catalog({ trust: { removals: 'held', reason: 'torn' } });

function wanting(...instances: readonly string[]) {
  return desiredState([backend('web', { endpoints: instances.map((name) => endpoint(name)) })]);
}

const none = desiredState();

/** Reads one after the other; each so many milliseconds after the one before. */
function reader(given: Partial<GuardInput> = {}) {
  let confirms: Held | undefined;
  let absences: Absences | undefined;
  let nowMs = now * 1000;
  return (afterMs: number, read: Partial<GuardInput> = {}): Guarded => {
    nowMs += afterMs;
    const seen = guard({
      ...{ actual, desired: none, catalog: catalog(), settings, hidden: [], nowMs },
      ...(confirms === undefined ? {} : { confirms }),
      ...(absences === undefined ? {} : { absences }),
      ...given,
      ...read,
    });
    absences = seen.absences;
    confirms = seen.held?.releasable === true ? seen.held : undefined;
    return seen;
  };
}

/** Looks every 30 s, as the loop does, until nothing is held; gives the milliseconds. */
function heldFor(read: ReturnType<typeof reader>, given: Partial<GuardInput> = {}): number {
  for (let ms = 0; ms <= 2 * holdMs; ms += 30_000) {
    if (read(ms === 0 ? 0 : 30_000, given).held === undefined) return ms;
  }
  return Infinity;
}

describe('R6.2 guard: absence without a trace', () => {
  it('of a large share is held, however many reads agree, until it has lasted', () => {
    const read = reader();
    const { held } = read(0);
    expect(held).to.deep.include({ instances: names.map(idOf), backends: ['nomad_web'] });
    expect(held?.lasting).to.deep.equal({ since: now, until: now + 300, remainingMs: holdMs });
    expect(held?.reason).to.equal(
      "Nomad doesn't list 4 servers and 1 backends since 2023-11-14T22:13:20Z, and nothing tells " +
        'why; removed at 2023-11-14T22:18:20Z if that lasts, or at once with --allow-removals',
    );
    for (let ms = 500; ms < 60_000; ms += 500) expect(read(500).held).not.to.equal(undefined);
    expect(heldFor(reader())).to.equal(holdMs);
  });

  it('of a share within the limit goes at once', () => {
    expect(reader()(0, { desired: wanting('a', 'b') }).held).to.equal(undefined);
  });

  it('0: two reads that agree are enough', () => {
    const read = reader({ settings: { ...settings, tracelessHoldMs: 0 } });
    expect(read(0).held).not.to.equal(undefined);
    expect(read(500).held).to.equal(undefined);
  });

  it('the operator allows it: nothing is held', () => {
    const allowed = { ...settings, allowRemovals: true };
    expect(reader({ settings: allowed })(0).held).to.equal(undefined);
  });

  it('begins anew for what came back', () => {
    const read = reader();
    heldForAWhile(read);
    read(1000, { desired: wanting(...names) });
    expect(heldFor(read)).to.be.within(holdMs, holdMs + 30_000);
  });

  it('a read that can not be trusted neither counts nor begins it anew', () => {
    const read = reader();
    heldForAWhile(read);
    expect(read(10_000, { catalog: untrusted }).held?.reason).to.equal('torn');
    // One trusted read and one that confirms it, after what is left.
    expect(heldFor(read)).to.be.below(holdMs);
  });

  it('what a read that can not be trusted has is there', () => {
    const read = reader();
    heldForAWhile(read);
    read(1000, { catalog: untrusted, desired: wanting(...names) });
    expect(heldFor(read)).to.be.within(holdMs, holdMs + 30_000);
  });

  it('a long silence of Nomad is no absence', () => {
    const read = reader();
    read(0);
    expect(read(3_600_000).held).not.to.equal(undefined);
  });

  describe('a trace', () => {
    const traces: Record<string, Partial<GuardInput>> = {
      'is an allocation that Nomad lists': {
        catalog: catalog({ allocations: allocations({ a: {}, b: {}, c: {}, d: {} }) }),
      },
      'is a job that it lists as stopped': { ended: names.map(idOf) },
      'is somebody else at the address': {
        desired: desiredState([
          backend('api', {
            endpoints: names.map((name) => ({
              ...endpoint(name),
              id: idOf(`new ${name}`).replace(/.{12}-group/, `${name}`.repeat(12) + '-group'),
            })),
          }),
        ]),
      },
    };
    for (const [what, given] of Object.entries(traces)) {
      it(`${what}: two reads that agree are enough`, () => {
        const read = reader(given);
        expect(read(0).held?.reason).to.equal('too much would go at once');
        expect(read(500).held).to.equal(undefined);
      });
    }

    it('is a route file: the folder is no part of Nomad', () => {
      const filed = names.map((name, at) =>
        slot(`nomad_route.file_x_${at}`, { binding: name, service: 'file:x' }),
      );
      const read = reader({
        actual: actualState([actualBackend('x', { service: 'file:x', slots: filed })]),
      });
      expect(read(0).held?.lasting).to.equal(undefined);
      expect(read(500).held).to.equal(undefined);
    });

    it('of some is none of the others, and only those count', () => {
      const some = catalog({ allocations: allocations({ a: {}, b: {} }) });
      const read = reader({ desired: wanting('d'), catalog: some });
      expect(read(0).held?.instances).to.deep.equal(['a', 'b', 'c'].map(idOf));
      expect(read(500).held).to.equal(undefined);
    });

    it('what has one goes while the rest is held', () => {
      const one = catalog({ allocations: allocations({ a: {} }) });
      const read = reader({ catalog: one });
      read(0);
      expect(read(500).held?.instances).to.deep.equal(['b', 'c', 'd'].map(idOf));
      expect(read(500).held?.backends).to.deep.equal(['nomad_web']);
    });

    it('a backend that serves nothing needs none', () => {
      const empty = actualState([actualBackend('x'), actualBackend('y')]);
      const read = reader({ actual: empty });
      expect(read(0).held?.lasting).to.equal(undefined);
      expect(read(500).held).to.equal(undefined);
    });
  });

  describe("Nomad's index against the one in the mark", () => {
    const marked = (nomadIndex: number) => ({
      actual: { ...actual, marker: { onDisk: 'nomad__g1-0123456789ab', nomadIndex } },
      desired: wanting('a', 'b', 'c'),
    });

    it('higher: as ever', () => {
      expect(reader(marked(8000))(0).held).to.equal(undefined);
    });

    it('lower: held whatever the share, until it has lasted', () => {
      const read = reader(marked(9000));
      expect(read(0).held?.instances).to.deep.equal([idOf('d')]);
      expect(read(500).held?.reason).to.include(
        'lower than 9000, at which HAProxy was last written',
      );
      expect(heldFor(reader(marked(9000)))).to.equal(holdMs);
    });

    it('the same: Nomad had it then', () => {
      expect(reader(marked(8812))(0).held?.reason).to.include(
        'at this very index, 8812, it had them',
      );
    });

    it('lower, but with a trace: as ever', () => {
      const listed = catalog({ allocations: allocations({ d: {} }) });
      expect(reader({ ...marked(9000), catalog: listed })(0).held).to.equal(undefined);
    });
  });

  describe('whatever is read, and whatever the clock says', () => {
    const someRead = fc.record(
      {
        wanted: fc.subarray([...names]),
        trusted: fc.boolean(),
        afterMs: fc.integer({ min: 0, max: 20_000 }),
      },
      { noNullPrototype: true },
    );

    it('lying reads over less than the hold never remove more than the limit', () => {
      fc.assert(
        fc.property(fc.array(someRead, { minLength: 1, maxLength: 14 }), (reads) => {
          const read = reader();
          let serving: readonly Name[] = names;
          for (const { wanted, trusted, afterMs } of reads) {
            const state = serve(serving);
            const held = read(afterMs, {
              actual: state,
              desired: wanting(...wanted),
              catalog: trusted ? catalog() : untrusted,
            }).held;
            const keeps = (name: Name): boolean =>
              wanted.includes(name) || held?.instances.includes(idOf(name)) === true;
            serving = serving.filter(keeps);
          }
          expect(serving.length).to.be.at.least(names.length / 2);
        }),
        { numRuns: 2000 },
      );
    });

    it('steps of the clock release nothing early, and hold nothing for good', () => {
      const step = fc.constantFrom(0, 0, 0, 86_400_000, -86_400_000, 3_600_000, -1);
      fc.assert(
        fc.property(fc.array(step, { maxLength: 3 }), fc.nat({ max: 8 }), (steps, quiet) => {
          const read = reader();
          let ms = 0;
          for (let look = 0; look < 60; look++) {
            const jump = look >= quiet ? (steps[look - quiet] ?? 0) : 0;
            const { held } = read(10_000 + jump);
            if (held === undefined) break;
            ms += 10_000;
          }
          // Each step counts as a minute at the most.
          expect(ms).to.be.within(holdMs - steps.length * 60_000, holdMs + steps.length * 20_000);
        }),
      );
    });

    it('an absence that lasts ends, whatever else is read in between', () => {
      fc.assert(
        fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (trusted) => {
          const read = reader();
          for (const one of trusted) read(1000, { catalog: one ? catalog() : untrusted });
          expect(heldFor(read)).to.be.at.most(holdMs + 30_000);
        }),
      );
    });
  });

  describe('in the plan', () => {
    const held = withSettings({ guard: { tracelessHoldMs: holdMs } });
    const all = converge(input(wanting(...names), actualState()));

    it('additions go on, and leave the index in the mark as it was', () => {
      const added = desiredState([backend('api', { endpoints: [endpoint('e')] })]);
      const marked = { ...all, marker: { ...all.marker, nomadIndex: 9000 } };
      const plan = planFor(added, marked, { settings: held });
      expect(plan.held?.lasting).not.to.equal(undefined);
      expect(stepsOf(plan, 'create-backend')).to.have.length(1);
      expect(stepsOf(plan, 'set-marker')[0]?.nomadIndex).to.equal(9000);
      expect(plan.markIndex).to.equal(9000);
    });

    it("else a structural change brings the mark Nomad's index, and nothing else does", () => {
      const more = desiredState([...wanting(...names).backends, backend('api')]);
      const plan = planFor(more, all, { catalog: catalog({ index: 9100 }) });
      expect(stepsOf(plan, 'set-marker')[0]?.nomadIndex).to.equal(9100);
      const same = planFor(wanting(...names), all, { catalog: catalog({ index: 9100 }) });
      expect(same.steps).to.deep.equal([]);
    });

    it('what was held goes when the time is up, and the mark moves with it', () => {
      const marked = { ...all, marker: { ...all.marker, nomadIndex: 9000 } };
      let plan = planFor(none, marked, { settings: held });
      for (let s = 30; s <= 300; s += 30) {
        const { held: confirms, absences } = plan;
        const known = { absences, ...(confirms === undefined ? {} : { confirms }) };
        plan = planFor(none, marked, { settings: held, now: now + s, ...known });
      }
      expect(plan.held).to.equal(undefined);
      expect(stepsOf(plan, 'delete-backend')).to.have.length(1);
      expect(stepsOf(plan, 'set-marker')[0]?.nomadIndex).to.equal(8812);
    });
  });
});

function serve(serving: readonly Name[]) {
  const left = slots.filter((_, at) => serving.includes(names[at]!));
  return actualState([actualBackend('web', { slots: left })]);
}

function heldForAWhile(read: ReturnType<typeof reader>): void {
  read(0);
  for (let ms = 0; ms < 240_000; ms += 30_000) read(30_000);
}
