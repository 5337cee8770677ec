import { expect } from 'chai';

import { cameBackOther, stillUnstable } from '../../src/pass/unstable.js';
import {
  actualBackend,
  actualState,
  backend,
  checkedSection,
  desiredState,
} from '../diff/given.js';
import { endpoint, planFor, slot } from '../diff/given.js';

describe('a backend that is not as it was just written', () => {
  const section = { ...checkedSection, adv_check: 'httpchk' };
  const wanted = backend('web', { section, endpoints: [endpoint('a')] });
  const desired = desiredState([wanted]);
  const slots = [1, 2, 3].map((number) => slot(`nomad_web_${number}`));
  const actual = actualState([actualBackend('web', { slots })]);
  const written = planFor(desired, actual);

  it('is told of, with what differs', () => {
    const found = cameBackOther(desired, written, planFor(desired, actual));
    expect(Object.keys(found)).to.deep.equal(['nomad_web']);
    expect(found['nomad_web']?.message).to.match(
      /^backend nomad_web reads back differently .*adv_check/,
    );
    expect(planFor(desired, actual, { unstable: stillUnstable(found, desired) }).steps).to.satisfy(
      (steps: typeof written.steps) => steps.every(({ kind }) => kind !== 'replace-backend'),
    );
  });

  it('is tried again when its input changes', () => {
    const found = cameBackOther(desired, written, planFor(desired, actual));
    const changed = desiredState([{ ...wanted, fingerprint: 'another' }]);
    expect(stillUnstable(found, changed)).to.deep.equal({});
  });

  it('is nothing new where nothing was written', () => {
    const nothing = { ...written, steps: [] };
    expect(cameBackOther(desired, nothing, planFor(desired, actual))).to.deep.equal({});
  });
});
