import type { ActualBackend } from '../../actual/types.js';
import type { DesiredBackend, DesiredState, KeptService, Skipped } from '../../desired/types.js';
import { ConnectorError } from '../../shared/errors.js';
import type { PlanInput } from './input.js';

/**
 * The input without services that can't be planned because of what stands in HAProxy. They are
 * skipped like those whose tags are invalid: their instances go on where they stand.
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
  const isConflict = ({ service }: { readonly service: string }) => services.has(service);
  return {
    ...input,
    desired: {
      ...desired,
      backends: desired.backends.filter((one) => !isConflict(one)),
      routes: desired.routes.filter((one) => !isConflict(one)),
      skipped: [...desired.skipped, ...conflicts],
      kept: [...desired.kept, ...desired.backends.filter(isConflict).map(keptOf)],
    },
  };
}

function keptOf(backend: DesiredBackend): KeptService {
  const { service, endpoints, expected, checkPaths, checkHosts, canaries } = backend;
  return {
    service,
    endpoints,
    ...(expected === undefined ? {} : { expected }),
    ...(checkPaths === undefined ? {} : { checkPaths }),
    ...(checkHosts === undefined ? {} : { checkHosts }),
    ...(canaries === undefined ? {} : { canaries }),
  };
}

/** HAProxy refuses an http route to a tcp backend; by a map it would find out at the request. */
function modeConflict(
  { kind, name, service }: DesiredBackend,
  actual: ActualBackend | undefined,
  { routes }: DesiredState,
): string | undefined {
  if (kind !== 'custom' || actual?.mode !== 'tcp') return undefined;
  const asked = routes.some(
    (route) => route.mode === 'http' && route.service === service && route.backend === name,
  );
  return asked ? `the mode of backend ${name} is tcp, and its routes are of mode http` : undefined;
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
  const problem = `backend ${name} is there already and is not ours`;
  if (strategy === 'fail_on_conflict') {
    throw new ConnectorError('conflict-strategy', `${service}: ${problem}`, { retryable: true });
  }
  if (strategy === 'create_new') return problem;
  const mode = typeof section['mode'] === 'string' ? section['mode'] : 'http';
  if (actual.mode === mode) return undefined;
  return `${problem}, and its mode is ${actual.mode}, not ${mode}`;
}
