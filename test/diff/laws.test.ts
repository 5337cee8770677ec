import { expect } from 'chai';
import fc from 'fast-check';

import { slotNumber } from '../../src/haproxy/slots.js';
import { markKey } from '../../src/haproxy/ownership.js';
import type { ActualState } from '../../src/actual/types.js';
import { plan } from '../../src/diff/plan/plan.js';
import { printPlan } from '../../src/diff/print/print.js';
import type { Step, TransactionStep } from '../../src/diff/types.js';
import { runs } from '../arbitraries/runs.js';
import { inputOf, someWorld, type World } from '../arbitraries/world.js';
import { actualState, backend, desiredState, endpoint, input, withSettings } from './given.js';
import { applyToModel, converge, idleSlots } from './model.js';

const often = runs(80);

function inputFor({ actual, desired, settings }: World) {
  return { ...inputOf(desired, actual, settings), idle: idleSlots(actual) };
}

describe('a large service that becomes small', () => {
  const many = Array.from({ length: 300 }, (_, number) => {
    const id = `_nomad-task-00000000-0000-4000-8000-${String(number).padStart(12, '0')}-web`;
    return endpoint('a', { id, port: 20_000 + number });
  });
  const wanting = (endpoints: typeof many) => desiredState([backend('web', { endpoints })]);
  const before = converge(input(wanting(many), actualState()));

  for (const [title, index] of [
    ['first', 0],
    ['last', 299],
  ] as const) {
    it(`300 instances become 1, the ${title}: all others drain and are freed without a reload`, () => {
      const one = many[index]!;
      const open = { settings: withSettings({ guard: { allowRemovals: true } }) };
      const plans = plan(input(wanting([one]), before, open));
      expect(plans.steps.map(({ kind }) => kind)).to.deep.equal(Array(299).fill('drain-slot'));
      const after = converge(input(wanting([one]), before, open));
      const bound = after.backends['nomad_web']?.slots.filter(({ binding }) => binding);
      expect(bound?.map(({ binding }) => binding?.id)).to.deep.equal([one.id]);
      expect(after.marker).to.deep.equal(before.marker);
    });
  }

  it('and is cut to size by the next reload, as far as its instance lets it', () => {
    const open = { settings: withSettings({ guard: { allowRemovals: true } }) };
    const small = converge(input(wanting(many.slice(0, 1)), before, open));
    const other = backend('api', { endpoints: [endpoint('b')] });
    const wanted = desiredState([other, ...wanting(many.slice(0, 1)).backends]);
    const after = converge(input(wanted, small, open));
    expect(after.backends['nomad_web']?.slots).to.have.length(3);
  });
});

describe('the laws of the diff', () => {
  it('a state that is as desired needs nothing', () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        const actual = converge(inputFor(world));
        expect(plan(inputFor({ ...world, actual })).steps).to.deep.equal([]);
      }),
      often,
    );
  });

  it('a plan that was applied is as desired: every instance in one slot, every route there', () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        const after = converge(inputFor(world));
        for (const one of world.desired.backends) {
          const slots = after.backends[one.name]?.slots ?? [];
          // S8: the last that serves waits for those that have yet to run.
          const phases = new Set(one.endpoints.map(({ phase }) => phase));
          const mayStay = phases.has('gate') && !phases.has('serve') ? 1 : 0;
          for (const wanted of one.endpoints) {
            const bound = slots.filter(({ binding }) => binding?.id === wanted.id);
            if (wanted.phase === 'drain') expect(bound.length, wanted.id).to.be.at.most(mayStay);
            else expect(bound.length, wanted.id).to.equal(1);
            if (wanted.phase !== 'serve') continue;
            expect(bound[0]?.config).to.include({ address: wanted.address, port: wanted.port });
            expect(bound[0]?.runtime).to.deep.equal({
              ...{ address: wanted.address, port: wanted.port, admin: 'ready', operational: 'up' },
            });
          }
        }
      }),
      often,
    );
  });

  it('what a plan leaves for the next pass costs no reload', () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        const input = inputFor(world);
        const first = plan(input);
        let actual = applyToModel(input.actual, first);
        if (first.steps.some(({ kind }) => kind === 'create-map')) {
          actual = applyToModel(actual, plan({ ...input, actual }));
        }
        const rest = plan({ ...input, actual }).steps;
        expect(rest.filter(({ route }) => route !== 'no-reload')).to.deep.equal([]);
      }),
      often,
    );
  });

  it('a file that differs from the process is written, and nothing else is done', () => {
    const text = fc.dictionary(
      fc.constantFrom('x.io', 'y.io', 'odd'),
      fc.constantFrom('pool', 'b'),
    );
    fc.assert(
      fc.property(someWorld, text, (world, stored) => {
        const actual = converge(inputFor(world));
        const shared = world.settings.routing.mapFile === undefined ? '' : 'hosts';
        const maps = Object.entries(actual.maps).map(([name, map]) =>
          map.entries === undefined || name === shared ? [name, map] : [name, { ...map, stored }],
        );
        const left = { ...actual, maps: Object.fromEntries(maps) as ActualState['maps'] };
        const mending = plan(inputFor({ ...world, actual: left }));
        expect(mending.steps.filter(({ kind }) => kind !== 'write-map')).to.deep.equal([]);
        const after = applyToModel(left, mending);
        expect(plan(inputFor({ ...world, actual: after })).steps).to.deep.equal([]);
        expect(after.backends).to.deep.equal(actual.backends);
      }),
      often,
    );
  });

  it('the same input gives the same plan, in whatever order the answers came', () => {
    fc.assert(
      fc.property(someWorld, fc.infiniteStream(fc.nat(1000)), (world, random) => {
        const input = inputFor(world);
        const shuffled = plan({ ...input, actual: shuffleAnswers(input.actual, random) });
        expect(shuffled).to.deep.equal(plan(input));
        expect(printPlan(shuffled)).to.equal(printPlan(plan(input)));
      }),
      often,
    );
  });

  it("nothing that isn't ours appears in a plan", () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        const input = inputFor(world);
        for (const step of plan(input).steps)
          expect(isOurs(step, input.actual), describeStep(step)).to.equal(true);
      }),
      often,
    );
  });

  it("the operator's part stays as it is, in its order", () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        const before = operatorPart(world.actual);
        const after = operatorPart(converge(inputFor(world)));
        expect(after).to.deep.equal(before);
      }),
      often,
    );
  });

  it('the input is never changed', () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        plan(deepFreeze(inputFor(world)));
      }),
      often,
    );
  });

  it('slots: none serves two instances, no instance has two', () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        const input = inputFor(world);
        for (const step of plan(input).steps) {
          if (!('slots' in step)) continue;
          const ids = step.slots.flatMap(({ binding }) =>
            binding !== undefined && binding.drainingSince === undefined ? [binding.id] : [],
          );
          expect(ids).to.deep.equal([...new Set(ids)]);
          const names = step.slots.map(({ name }) => name);
          expect(names).to.deep.equal([...new Set(names)]);
          expect(names.map(slotNumber)).to.deep.equal(names.map((_, at) => at + 1));
        }
      }),
      often,
    );
  });
});

function describeStep(step: Step): string {
  return JSON.stringify(step);
}

function isOurs(step: Step, actual: ActualState): boolean {
  switch (step.route) {
    case 'storage':
      return /^nomad_|^hosts$/.test(step.map);
    case 'runtime': {
      if (step.kind === 'open-server') return hasSlot(actual, step.backend, step.server);
      const before = actual.maps[step.map]?.entries?.[step.key];
      const record = actual.maps['nomad_owned']?.stored?.[step.key]?.split(' ') ?? [];
      if (before === undefined || record.includes(before)) return true;
      return !isForeignEntry(step.map, before);
    }
    case 'no-reload':
      return hasSlot(actual, step.backend, step.slot.name);
    case 'transaction':
      return isOurStructure(step, actual);
  }
}

function isOurStructure(step: TransactionStep, actual: ActualState): boolean {
  switch (step.kind) {
    case 'create-backend':
      return actual.backends[step.backend] === undefined;
    case 'replace-backend':
    case 'delete-backend':
      return actual.backends[step.backend]?.ours === true;
    case 'create-server':
      return step.slot.name.startsWith('nomad_');
    case 'replace-server':
      return hasSlot(actual, step.backend, step.slot.name);
    case 'delete-server':
      return hasSlot(actual, step.backend, step.before.name);
    case 'insert-rule':
    case 'delete-rule':
      return !isOperatorRule(step.rule);
    case 'set-marker':
    case 'reload':
      return true;
  }
}

function hasSlot(actual: ActualState, backend: string, slot: string): boolean {
  return actual.backends[backend]?.slots.some(({ name }) => name === slot) === true;
}

const ourMap = String.raw`map(?:_beg|_reg)?\(/(?:maps/)?(?:nomad_\w+|hosts)\.map\)`;
/** As this version writes them, and as the one before did. */
const ourRule = new RegExp(
  [
    'nomad__acl_|nomad_connector_path|path,concat',
    String.raw`\{ (?:req\.fhdr\(host,-1\),host_only,lower|path,concat)\S*,${ourMap},set-var\(txn\.nomad_connector_backend\) -m found`,
    String.raw`%\[req\.hdr\(host\),host_only,lower\S*,${ourMap}\]`,
  ].join('|'),
);

function isOperatorRule(rule: object): boolean {
  return !ourRule.test(JSON.stringify(rule));
}

function isForeignEntry(map: string, value: string): boolean {
  return map === 'hosts' && !value.startsWith('nomad_');
}

/** All that the operator made, and the order of it. */
function operatorPart(actual: ActualState) {
  const frontends = Object.values(actual.frontends).map(
    ({ name, acls, rules, httpRequestRules }) => ({
      name,
      acls: acls.filter(isOperatorRule),
      rules: rules.filter(isOperatorRule),
      httpRequestRules: httpRequestRules.filter(isOperatorRule),
    }),
  );
  const backends = Object.values(actual.backends).filter(({ ours }) => !ours);
  const entries = Object.entries(actual.maps['hosts']?.entries ?? {});
  return {
    frontends,
    backends: backends.map(({ slots: _, ...rest }) => rest),
    entries: entries.filter(([, value]) => value === 'static'),
    markKey,
  };
}

/** The Data Plane API lists objects in no order. */
function shuffleAnswers(actual: ActualState, random: Stream): ActualState {
  const { backends, frontends, maps } = actual;
  return {
    ...actual,
    backends: shuffleKeys(backends, random),
    frontends: shuffleKeys(frontends, random),
    maps: shuffleKeys(maps, random),
  };
}

type Stream = fc.Stream<number>;

function shuffleKeys<T>(object: Readonly<Record<string, T>>, random: Stream) {
  const entries = Object.entries(object);
  const ranks = [...random.take(entries.length)];
  const ranked = entries.map((entry, index) => ({ at: ranks[index] ?? 0, entry }));
  const shuffled = ranked.sort((a, b) => a.at - b.at);
  return Object.fromEntries(shuffled.map(({ entry }) => entry)) as Readonly<Record<string, T>>;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
