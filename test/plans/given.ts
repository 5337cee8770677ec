import type { ActualSlot, ActualState, RuntimeServer } from '../../src/actual/types.js';
import { plan } from '../../src/diff/plan/plan.js';
import { probesOf } from '../../src/diff/plan/probes.js';
import type { Plan } from '../../src/diff/types.js';
import {
  actualState,
  allocations,
  backend,
  catalog,
  desiredState,
  endpoint,
  idOf,
  input,
  now,
  route,
} from '../diff/given.js';
import { converge } from '../diff/model.js';

const web = backend('web', { endpoints: [endpoint('a')] });
const running = { catalog: catalog({ allocations: allocations({ a: {} }) }) };

/** A server that waits for its check, which the connector has seen pass. */
export function openingPlan(): Plan {
  const desired = desiredState([web]);
  const converged = converge(input(desired, actualState()));
  const given = input(desired, withRuntime(converged, { operational: 'down' }), running);
  const keys = probesOf(given, plan(given).steps).map(({ key }) => key);
  return plan({ ...given, passed: new Set(keys) });
}

/** A server that hands put in maintenance. */
export function repairPlan(): Plan {
  const desired = desiredState([web]);
  const converged = converge(input(desired, actualState()));
  return plan(input(desired, withRuntime(converged, { admin: 'maint' }), running));
}

/** A server whose drain is over. */
export function freeingPlan(): Plan {
  const two = backend('web', { endpoints: [endpoint('a'), endpoint('b')] });
  const converged = converge(input(desiredState([two]), actualState()));
  const actual = withSlots(converged, (one) =>
    one.binding?.id === idOf('b')
      ? { ...one, binding: { ...one.binding, drainingSince: now - 100_000 } }
      : one,
  );
  return plan(input(desiredState([web]), actual, running));
}

/** A regular expression that goes: its map is read in order, so HAProxy has to load it again. */
export function reloadPlan(): Plan {
  const routes = ['^a', '^b'].map((host) => route(host, { match: 'regex' }));
  const converged = converge(input(desiredState([web], routes), actualState()));
  return plan(input(desiredState([web], routes.slice(1)), converged, running));
}

function withRuntime(actual: ActualState, runtime: Partial<RuntimeServer>): ActualState {
  return withSlots(actual, (slot) =>
    slot.binding === undefined || slot.runtime === undefined
      ? slot
      : { ...slot, runtime: { ...slot.runtime, ...runtime } },
  );
}

function withSlots(actual: ActualState, change: (slot: ActualSlot) => ActualSlot): ActualState {
  const backends = Object.entries(actual.backends).map(
    ([name, one]) => [name, { ...one, slots: one.slots.map(change) }] as const,
  );
  return { ...actual, backends: Object.fromEntries(backends) };
}
