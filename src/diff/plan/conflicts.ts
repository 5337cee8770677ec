import type { ActualBackend } from '../../actual/types.js';
import type { DesiredBackend, DesiredState, KeptService, Skipped } from '../../desired/types.js';
import { ConnectorError } from '../../shared/errors.js';
import type { PlanInput } from './input.js';
import { withoutServices } from './skipped.js';

/**
 * Drops services that conflict with HAProxy's configuration. They are skipped like those with
 * invalid tags and keep their existing backend.
 */
export function withoutConflicts(input: PlanInput): PlanInput {
  const { actual, desired, settings } = input;
  const conflicts = desired.backends.flatMap((backend): Skipped[] => {
    const there = actual.backends[backend.name];
    const reason =
      modeConflict(backend, there, desired) ?? conflictOf(backend, there, settings.ownership.adopt);
    if (reason === undefined) return [];
    return [{ service: backend.service, code: 'backend-conflict', reason }];
  });
  if (conflicts.length === 0) return input;
  const services = new Set(conflicts.map(({ service }) => service));
  const kept = desired.backends.filter(({ service }) => services.has(service)).map(keptOf);
  return withoutServices(input, conflicts, kept);
}

export function keptOf(backend: DesiredBackend): KeptService {
  const { service, endpoints, expected, scalesTo, checkPaths, checkHosts, canaries } = backend;
  return {
    service,
    endpoints,
    ...(expected === undefined ? {} : { expected }),
    ...(scalesTo === undefined ? {} : { scalesTo }),
    ...(checkPaths === undefined ? {} : { checkPaths }),
    ...(checkHosts === undefined ? {} : { checkHosts }),
    ...(canaries === undefined ? {} : { canaries }),
  };
}

/** HAProxy refuses an http route to a tcp backend. With a map, only requests would fail. */
function modeConflict(
  { kind, name, service }: DesiredBackend,
  actual: ActualBackend | undefined,
  { routes }: DesiredState,
): string | undefined {
  if (kind !== 'custom' || actual?.mode !== 'tcp') return undefined;
  const asked = routes.some(
    (route) => route.mode === 'http' && route.service === service && route.backend === name,
  );
  return asked ? `backend ${name} has mode tcp, but its routes have mode http` : undefined;
}

function conflictOf(
  { kind, name, service, strategy, section }: DesiredBackend,
  actual: ActualBackend | undefined,
  adopt: boolean,
): string | undefined {
  if (actual?.foreignService !== undefined) {
    return `backend ${name} is another connector's, for its service ${actual.foreignService}`;
  }
  if (kind === 'custom') {
    return actual === undefined ? `backend ${name} is not in HAProxy's configuration` : undefined;
  }
  if (actual === undefined || actual.ours || adopt) return undefined;
  const problem = `backend ${name} already exists and is not the connector's`;
  if (strategy === 'fail_on_conflict') {
    throw new ConnectorError('conflict-strategy', `${service}: ${problem}`, { retryable: true });
  }
  if (strategy === 'create_new') return problem;
  const mode = typeof section['mode'] === 'string' ? section['mode'] : 'http';
  if (actual.mode === mode) return undefined;
  return `${problem}; its mode is ${actual.mode}, not ${mode}`;
}
