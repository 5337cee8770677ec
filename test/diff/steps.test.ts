import { expect } from 'chai';

import { byKind, type HandlersOf, stepIs } from '../../src/diff/dispatch.js';
import { effectOf, kindsWhere, type StepKind, stepKinds, stepTable } from '../../src/diff/steps.js';
import type { EntryStep, ReloadStep, RuleStep, SlotStep, Step } from '../../src/diff/types.js';

/** Compiles only where the two are the same. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

function entry(kind: EntryStep['kind']): EntryStep {
  return { kind, route: 'runtime', map: 'hosts', key: 'a.example.com', value: 'web', when: 'last' };
}

const reload: ReloadStep = {
  ...{ kind: 'reload', route: 'transaction', reload: 'lost-reload', reason: 'lost' },
};

describe('the table of steps', () => {
  it('has the kinds of the union, and no other', () => {
    const same: Same<StepKind, Step['kind']> = true;
    expect(same).to.equal(true);
    expect(stepKinds).to.deep.equal(Object.keys(stepTable));
    expect(stepKinds).to.have.length(21);
  });

  it('gives the union its kinds by object', () => {
    const slots: Same<SlotStep['kind'], KindsIn<'slot'>> = true;
    const entries: Same<EntryStep['kind'], KindsIn<'entry'>> = true;
    const rules: Same<RuleStep['kind'], KindsIn<'rule'>> = true;
    expect([slots, entries, rules]).to.deep.equal([true, true, true]);
  });

  it('says what a kind does to an object only once', () => {
    const facts = Object.values(stepTable).map(({ object, effect }) => `${effect} ${object}`);
    expect(facts).to.deep.equal([...new Set(facts)]);
  });

  it('sends all that is about one object the same way', () => {
    for (const { object } of Object.values(stepTable)) {
      const routes = kindsWhere({ object }).map((kind) => stepTable[kind].route);
      expect(new Set(routes).size, object).to.equal(1);
    }
  });

  it('is asked by columns', () => {
    expect(kindsWhere({ object: 'slot', effect: 'remove' })).to.deep.equal(['free-slot']);
    expect(
      kindsWhere({ object: ['backend', 'server'], effect: ['create', 'change'] }),
    ).to.deep.equal(['create-backend', 'replace-backend', 'create-server', 'replace-server']);
    expect(kindsWhere({})).to.deep.equal(stepKinds);
    expect(effectOf('set-entry')).to.equal('change');
  });
});

describe('a dispatch by kind', () => {
  const handlers: HandlersOf<EntryStep['kind'] | 'reload', string, [suffix: string]> = {
    'add-entry': ({ key }, suffix) => `add ${key}${suffix}`,
    'set-entry': ({ value }, suffix) => `set ${value}${suffix}`,
    'delete-entry': ({ map }, suffix) => `delete from ${map}${suffix}`,
    reload: ({ reason }, suffix) => `reload: ${reason}${suffix}`,
  };

  it('calls the handler of the kind, with what else it needs', () => {
    const steps = [entry('add-entry'), entry('set-entry'), entry('delete-entry'), reload];
    expect(steps.map((step) => byKind(step, handlers, '!'))).to.deep.equal([
      'add a.example.com!',
      'set web!',
      'delete from hosts!',
      'reload: lost!',
    ]);
  });

  it('needs a handler for every kind', () => {
    const { reload: _, ...some } = handlers;
    // @ts-expect-error: nothing handles a reload.
    expect(() => byKind(reload, some, '!')).to.throw(TypeError);
  });
});

describe('a predicate from the table', () => {
  it('narrows to the steps that fit', () => {
    const isRemoval = stepIs({ object: 'entry', effect: 'remove' });
    const steps: readonly Step[] = [entry('add-entry'), entry('delete-entry'), reload];
    const removals = steps.filter(isRemoval);
    const same: Same<(typeof removals)[number]['kind'], 'delete-entry'> = true;
    expect(same).to.equal(true);
    expect(removals.map(({ key }) => key)).to.deep.equal(['a.example.com']);
  });

  it('takes no value that the table lacks', () => {
    // @ts-expect-error: no step is about a frontend.
    expect(steps(stepIs({ object: 'frontend' }))).to.deep.equal([]);
  });
});

function steps(fits: (step: Step) => boolean): Step[] {
  return [entry('add-entry'), reload].filter(fits);
}

type KindsIn<O> = {
  [K in StepKind]: (typeof stepTable)[K]['object'] extends O ? K : never;
}[StepKind];
