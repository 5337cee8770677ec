import { plan } from '../../src/diff/plan/plan.js';
import type { Held, Plan } from '../../src/diff/types.js';
import type { Picture } from '../../src/pass/picture.js';
import type { Times } from '../../src/pass/stopwatch.js';
import { catalogOf } from '../desired/given.js';
import { actualState, backend, desiredState, endpoint, input } from '../diff/given.js';

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

export const times: Times = { startedAt: 1000, endedAt: 1250, phases: {} };

/** What a pass with nothing to do came to, but for what a test cares about. */
export function picture(given: Partial<Picture> = {}): Picture {
  return {
    target: 'default',
    catalog: catalogOf(),
    desired: desiredState(),
    actual: actualState(),
    plan: nothing,
    rest: nothing,
    steps: [],
    reloads: [],
    degraded: [],
    times,
    ...given,
  };
}
