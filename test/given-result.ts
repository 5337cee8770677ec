import { plan } from '../src/diff/plan/plan.js';
import type { Held, Plan } from '../src/diff/types.js';
import type { PassResult } from '../src/pass/pass.js';
import { catalogOf } from './desired/given.js';
import { actualState, backend, desiredState, endpoint, input } from './diff/given.js';

/** The plan of a pass with nothing to do. */
export const nothing: Plan = plan(input(desiredState(), actualState()));

/** A plan with steps: a new backend. */
export const something: Plan = plan(
  input(desiredState([backend('web', { endpoints: [endpoint('a')] })]), actualState()),
);

export const heldRemoval: Held = {
  reason: 'too much would go at once',
  instances: ['i1', 'i2'],
  backends: ['nomad_web'],
  releasable: true,
};

/** What a pass with nothing to do came to, but for what a test cares about. */
export function result(given: Partial<PassResult> = {}): PassResult {
  return {
    catalog: catalogOf(),
    desired: desiredState(),
    plan: nothing,
    rest: nothing,
    steps: [],
    reloads: [],
    degraded: [],
    ...given,
  };
}
