import { expect } from 'chai';

import { serviceFigures } from '../../src/telemetry/figures.js';
import type { Picture } from '../../src/pass/picture.js';
import {
  actualBackend,
  actualState,
  backend,
  desiredState,
  planFor,
  route,
} from '../diff/given.js';
import { nothing, picture } from '../pass/given-picture.js';

const desired = desiredState(
  [backend('api'), backend('web')],
  [route('web.io'), route('api.io', { backend: 'nomad_api', service: 'default/api' })],
);
const actual = actualState([actualBackend('api'), actualBackend('web')]);
const skip = (code: Picture['rest']['skipped'][number]['code']) =>
  [{ service: 'default/x', code, reason: 'no' }] as const;

/** Routed of wanted. */
function share(given: Partial<Picture>): string {
  const { routed, wanted } = serviceFigures(picture({ desired, actual, ...given }));
  return `${routed}/${wanted}`;
}

describe('the share of wanted services that are routed', () => {
  it('is 1 when everything is applied', () => {
    expect(share({})).to.equal('2/2');
    expect(share({ desired: desiredState(), actual: actualState() })).to.equal('0/0');
  });

  it('is less where a wanted backend is missing', () => {
    expect(share({ actual: actualState([actualBackend('web')]) })).to.equal('1/2');
  });

  for (const code of ['rejected-by-haproxy', 'backend-conflict', 'name-conflict'] as const) {
    it(`is less where a service could not be brought about: ${code}`, () => {
      expect(share({ rest: { ...nothing, skipped: skip(code) } })).to.equal('2/3');
    });
  }

  it('is not less for input that is no good, which is counted as skipped', () => {
    const rest = { ...nothing, skipped: skip('invalid-tag') };
    expect(share({ rest })).to.equal('2/2');
    const figures = serviceFigures(picture({ desired, actual, rest }));
    expect(figures.skipped).to.deep.equal(['invalid-tag']);
  });

  it('counts a service once that is planned and refused at the end', () => {
    const skipped = [{ ...skip('rejected-by-haproxy')[0], service: 'default/web' }];
    expect(share({ rest: { ...nothing, skipped } })).to.equal('1/2');
  });

  it('is less where the frontend of a route is missing, and not where another has it', () => {
    const onto = (frontends: readonly string[]) =>
      desiredState(desired.backends, [route('web.io', { frontends })]);
    expect(share({ desired: onto(['gone']) })).to.equal('1/2');
    expect(share({ desired: onto(['gone', 'http_front']) })).to.equal('2/2');
    expect(share({ actual: { ...actual, frontends: {} } })).to.equal('0/2');
  });

  it('is below 1 while steps remain', () => {
    const rest = planFor(desired, actualState([actualBackend('web')]));
    const steps = rest.steps.filter((step) => 'backend' in step && step.backend === 'nomad_api');
    expect(steps.length).to.be.above(0);
    expect(share({ rest: { ...nothing, steps } })).to.equal('1/2');
  });
});
