import { expect } from 'chai';

import type { Plan } from '../../src/diff/types.js';
import { cameBackOther, misreadIn, stillUnstable } from '../../src/pass/unstable.js';
import {
  actualBackend,
  actualState,
  backend,
  checkedSection,
  desiredState,
} from '../diff/given.js';
import { planFor, slot } from '../diff/given.js';

const section = { ...checkedSection, adv_check: 'httpchk' };

/** The plan for this backend where another section, or none, stands. */
function planOf(name: string, stands: 'none' | 'other'): Plan {
  const slots = [1, 2].map((number) =>
    slot(`nomad_${name}_${number}`, { service: `default/${name}` }),
  );
  const actual = actualState(stands === 'none' ? [] : [actualBackend(name, { slots })]);
  return planFor(desiredState([backend(name, { section })]), actual);
}

describe('cameBackOther', () => {
  const desired = desiredState([backend('web', { section })]);

  it('finds one that was created and would be written again at once', () => {
    const found = cameBackOther(desired, planOf('web', 'none'), planOf('web', 'other'));
    expect(found['nomad_web']?.fingerprint).to.equal('web');
    expect(found['nomad_web']?.message).to.match(/nomad_web reads back differently.*adv_check/);
  });

  it('finds nothing in one that another pass wrote, or that is created again', () => {
    expect(cameBackOther(desired, planOf('api', 'other'), planOf('web', 'other'))).to.deep.equal(
      {},
    );
    expect(cameBackOther(desired, planOf('web', 'other'), planOf('web', 'none'))).to.deep.equal({});
  });

  it('takes a backend that only needs more slots for no trouble', () => {
    const after = planOf('web', 'other');
    const steps = after.steps.map((step) =>
      step.kind === 'replace-backend' ? { ...step, changes: [] } : step,
    );
    expect(cameBackOther(desired, planOf('web', 'other'), { ...after, steps })).to.deep.equal({});
  });
});

describe('stillUnstable', () => {
  const known = { nomad_web: { fingerprint: 'web', message: 'reads back differently' } };

  it('holds for as long as the input is the same', () => {
    const desired = desiredState([backend('web'), backend('api')]);
    expect(stillUnstable(known, desired)).to.deep.equal({ nomad_web: 'reads back differently' });
  });

  it('ends with another input, or without the backend', () => {
    const changed = desiredState([backend('web', { fingerprint: 'another' })]);
    expect(stillUnstable(known, changed)).to.deep.equal({});
    expect(stillUnstable(known, desiredState())).to.deep.equal({});
  });
});

describe('misreadIn', () => {
  it('finds what was written as text and would be written or removed again', () => {
    const after = planOf('web', 'other');
    expect(misreadIn(['nomad_web', 'nomad_api'], after)).to.deep.equal(['nomad_web']);
    expect(misreadIn(['nomad_api'], after)).to.deep.equal([]);
    expect(misreadIn([], after)).to.deep.equal([]);
  });
});
