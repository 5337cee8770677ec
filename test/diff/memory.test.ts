import { expect } from 'chai';
import fc from 'fast-check';

import { plan, type PlanInput } from '../../src/diff/plan/plan.js';
import { newPlanMemory } from '../../src/diff/plan/memory.js';
import type { Plan } from '../../src/diff/types.js';
import { runs } from '../arbitraries/runs.js';
import { inputOf, someDesired, someDrift, someWorld } from '../arbitraries/world.js';
import {
  actualState,
  allocId,
  backend,
  desiredState,
  endpoint,
  idOf,
  input,
  withSettings,
} from './given.js';
import { applyToModel, converge, idleSlots, settle } from './model.js';

type Move = (input: PlanInput, last: Plan) => PlanInput;

/** What the next pass knows of the last one. */
function nextPass(given: PlanInput, last: Plan, seconds: number): PlanInput {
  const { confirms: _, absences: __, ...rest } = given;
  const held = last.held?.releasable === true ? { confirms: last.held } : {};
  return { ...rest, ...held, absences: last.absences, now: given.now + seconds };
}

/** Applies what the model can apply of a plan made of a part of the state. */
function applied(given: PlanInput, last: Plan): PlanInput {
  try {
    return { ...given, actual: settle(applyToModel(given.actual, last)) };
  } catch {
    return given;
  }
}

const moves: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(0, 1, 40).map(
      (s): Move =>
        (given, last) =>
          nextPass(given, last, s),
    ),
  },
  { weight: 3, arbitrary: fc.constant<Move>(applied) },
  {
    weight: 2,
    arbitrary: fc.constant<Move>((given) => {
      try {
        return { ...given, actual: converge(given) };
      } catch {
        return given;
      }
    }),
  },
  {
    weight: 2,
    arbitrary: someDrift.map((drift): Move => (given) => ({
      ...given,
      actual: drift(given.actual),
    })),
  },
  { weight: 1, arbitrary: someDesired.map((desired): Move => (given) => ({ ...given, desired })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(5), fc.nat(5), fc.constantFrom('gate', 'drain', 'gone'))
      .map(([at, which, phase]): Move => ({ desired, ...given }) => {
        const backends = desired.backends.map((one, index) => {
          if (index !== at) return one;
          const endpoints = one.endpoints.flatMap((each, position) => {
            if (position !== which) return [each];
            return phase === 'gone' ? [] : [{ ...each, phase }];
          });
          return { ...one, endpoints };
        });
        return { ...given, desired: { ...desired, backends } };
      }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Move>(
      (given) => ({ ...given, idle: idleSlots(given.actual) }),
      (given) => ({ ...given, idle: new Set<string>() }),
      (given) => ({ ...given, catalog: { ...given.catalog, index: given.catalog.index + 1 } }),
      (given) => ({ ...given, catalog: { ...given.catalog, allocations: {} } }),
      (given) => ({ ...given, catalog: { ...given.catalog, missing: [idOf('a1')] } }),
      (given) => ({ ...given, catalog: { ...given.catalog, trust: { removals: 'allowed' } } }),
      (given) => {
        const trust = { removals: 'held', reason: 'torn' } as const;
        return { ...given, catalog: { ...given.catalog, trust } };
      },
      (given) => {
        const [over] = Object.values(given.catalog.allocations);
        if (over === undefined) return given;
        const ended = { ...over, clientStatus: 'complete', desiredStatus: 'stop' };
        const allocations = { ...given.catalog.allocations, [allocId('a1')]: ended };
        return { ...given, catalog: { ...given.catalog, allocations } };
      },
      (given) => ({ ...given, hidden: ['default'] }),
      (given) => ({ ...given, hidden: [] }),
      (given) => ({ ...given, ended: [idOf('a1'), idOf('b1')] }),
      (given) => ({ ...given, unstable: { nomad_a: 'reads back differently' } }),
      (given) => ({ ...given, unstable: {} }),
      (given) => ({ ...given, settings: { ...given.settings } }),
      (given) => ({ ...given, reloadWaits: true }),
      ({ reloadWaits: _, ...given }) => given,
      ({ settings, ...given }) => {
        return {
          ...given,
          settings: { ...settings, limits: { ...settings.limits, serversTotal: 8 } },
        };
      },
      ({ settings, ...given }) => {
        const guard = { ...settings.guard, allowRemovals: false, tracelessHoldMs: 20_000 };
        return { ...given, settings: { ...settings, guard } };
      },
      ({ settings, ...given }) => {
        return { ...given, settings: { ...settings, slots: { spareMin: 1, spareFactor: 0 } } };
      },
      ({ settings, ...given }) => {
        return {
          ...given,
          settings: { ...settings, ownership: { ...settings.ownership, adopt: true } },
        };
      },
    ),
  },
);

describe('the memory of the plan', () => {
  it('changes no plan, whatever changes from pass to pass', () => {
    fc.assert(
      fc.property(someWorld, fc.array(moves, { minLength: 1, maxLength: 20 }), (world, all) => {
        const memory = newPlanMemory();
        let given = inputOf(world.desired, world.actual, world.settings);
        let last = plan(given, memory);
        for (const move of all) {
          given = move(given, last);
          last = plan(given, memory);
          expect(last).to.deep.equal(plan(given));
        }
      }),
      runs(60),
    );
  });

  it('plans nothing again where nothing changed but the time and the index', () => {
    const wanted = desiredState([backend('web', { endpoints: [endpoint('a')] })]);
    const actual = converge(input(wanted, actualState()));
    const memory = newPlanMemory();
    const given = input(wanted, actual);
    const before = plan(given, memory);
    expect(before.steps).to.deep.equal([]);
    const later = {
      ...given,
      now: given.now + 600,
      catalog: { ...given.catalog, index: given.catalog.index + 5 },
      absences: before.absences,
    };
    const after = plan(later, memory);
    expect(after.waiting).to.equal(before.waiting);
    expect(after).to.deep.equal(plan(later));
  });

  it('frees the draining copy of an instance when its time comes', () => {
    const settings = withSettings({ guard: { allowRemovals: true } });
    const wanted = desiredState([backend('web', { endpoints: [endpoint('a')] })]);
    const { backends, ...rest } = converge(input(wanted, actualState(), { settings }));
    const { slots, ...web } = backends['nomad_web']!;
    const [first, second, ...others] = slots;
    const binding = { ...first!.binding!, drainingSince: 1_699_999_990 };
    const config = { ...first!.config, disabled: true };
    const runtime = { ...first!.runtime!, admin: 'drain' as const };
    const copy = { ...second!, binding, config, runtime };
    const actual = {
      ...rest,
      backends: { ...backends, nomad_web: { ...web, slots: [first!, copy, ...others] } },
    };
    const memory = newPlanMemory();
    const given = input(wanted, actual, { settings });
    expect(plan(given, memory).steps).to.deep.equal([]);
    const over = plan({ ...given, now: given.now + 3600 }, memory);
    expect(over.steps.map(({ kind }) => kind)).to.deep.equal(['free-slot']);
  });

  it('ends a drain when its time comes, although nothing else changed', () => {
    const settings = withSettings({ guard: { allowRemovals: true } });
    const both = desiredState([backend('web', { endpoints: [endpoint('a'), endpoint('b')] })]);
    const actual = converge(input(both, actualState(), { settings }));
    const one = desiredState([backend('web', { endpoints: [endpoint('a')] })]);
    const memory = newPlanMemory();
    const given = input(one, actual, { settings });
    const draining = settle(applyToModel(actual, plan(given, memory)));
    const waiting = { ...given, actual: draining };
    expect(plan(waiting, memory).steps).to.deep.equal([]);
    const over = plan({ ...waiting, now: given.now + 3600 }, memory);
    expect(over.steps.map(({ kind }) => kind)).to.deep.equal(['free-slot']);
  });
});
