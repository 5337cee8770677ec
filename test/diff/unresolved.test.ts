import { expect } from 'chai';

import type { Endpoint } from '../../src/desired/types.js';
import {
  actualState,
  backend,
  customBackend,
  desiredState,
  endpoint,
  idOf,
  input,
  kindsOf,
  operatorBackend,
  planFor,
  stepsOf,
} from './given.js';
import { converge } from './model.js';

const unresolved = (name: string, given: Partial<Endpoint> = {}): Endpoint =>
  endpoint(name, { address: '', unresolved: true, ...given });
const names = ['a', 'b', 'c'] as const;

describe('instances whose host names can not be resolved', () => {
  for (const [title, of, place] of [
    ['in a backend of ours', backend, 'nomad_web'],
    ["in the operator's backend", customBackend, 'pool'],
  ] as const) {
    const wanting = (endpoints: readonly Endpoint[]) => desiredState([of('web', { endpoints })]);
    const before = converge(
      input(wanting(names.map((name) => endpoint(name))), actualState([operatorBackend('pool')])),
    );

    it(`keep slot and address ${title}, and nothing is held`, () => {
      const plan = planFor(wanting(names.map((name) => unresolved(name))), before);
      expect([plan.steps, plan.held, plan.inMotion]).to.deep.equal([[], undefined, false]);
    });

    it(`drain ${title} when they leave, and change their weight`, () => {
      const endpoints = [
        unresolved('a', { phase: 'drain' }),
        unresolved('b', { weight: 7 }),
        unresolved('c', { phase: 'gate' }),
      ];
      const plan = planFor(wanting(endpoints), before);
      expect(kindsOf(plan).sort()).to.deep.equal(['drain-slot', 'update-slot']);
      const addresses = stepsOf(plan, 'drain-slot', 'update-slot').map(
        ({ slot: { config } }) => config.address,
      );
      expect(addresses).to.deep.equal(['10.0.0.1', '10.0.0.1', '10.0.0.1']);
    });

    it(`are left out ${title} while they have no slot, and bound once they have an address`, () => {
      const known = names.map((name) => endpoint(name));
      expect(planFor(wanting([...known, unresolved('d')]), before).steps).to.deep.equal([]);
      const after = converge(input(wanting([...known, endpoint('d')]), before));
      const ids = after.backends[place]?.slots.flatMap(({ binding }) => binding?.id ?? []);
      expect(ids).to.include(idOf('d'));
    });
  }

  it('none is parked when their backend is written anew', () => {
    const before = converge(
      input(desiredState([backend('web', { endpoints: [endpoint('a')] })]), actualState()),
    );
    const section = { mode: 'http', balance: { algorithm: 'leastconn' } };
    const wanted = backend('web', { section, hasCheck: false, endpoints: [unresolved('a')] });
    const [step] = stepsOf(planFor(desiredState([wanted]), before), 'replace-backend');
    expect(step?.slots[0]).to.deep.include({ binding: { id: idOf('a'), createIndex: 100 } });
    expect(step?.slots[0]?.config).to.include({ address: '10.0.0.1', disabled: false });
  });
});
