import { mapNames } from '../../haproxy/map-names.js';
import { allocationOf, isOver } from '../../observe/catalog/model/allocation.js';
import type { Adoption } from '../complete/adopt.js';
import type { Held } from '../types.js';
import type { BackendContext } from './backend-plan.js';
import { revocations } from './held-routes.js';
import type { PlanInput } from './input.js';
import type { SizedInput } from './server-limit.js';

/**
 * A backend stays, whatever its service: without routes and instances it does nothing. Servers in an
 * operator's backend stay where the policy still allows them.
 */
function heldRemovals(input: PlanInput): BackendContext['isHeld'] {
  if (input.settings.sync.policy === 'sync') return () => false;
  const isRevoked = revocations(input);
  return (step) => step.kind === 'delete-backend' || !isRevoked(step.service, step.backend, []);
}

export function contextOf(
  input: SizedInput,
  held: Held | undefined,
  adoption: Adoption,
  reloadsAnyway: boolean,
): BackendContext {
  const { actual, catalog, idle, now, settings, sizes = {} } = input;
  const names = mapNames(settings.routing);
  const path = (name: string): string => actual.maps[name]?.file ?? `/${name}.map`;
  return {
    reloadsAnyway,
    sizes,
    policy: settings.sync.policy,
    isHeld: heldRemovals(input),
    adopt: settings.ownership.adopt,
    replaced: (service) =>
      [...adoption.backends]
        .filter(([, by]) => by === service)
        .flatMap(([name]) => actual.backends[name]?.others ?? []),
    checkFiles: { paths: path(names['check-path']), hosts: path(names['check-host']) },
    checkEntries: {
      paths: actual.maps[names['check-path']]?.entries ?? {},
      hosts: actual.maps[names['check-host']]?.entries ?? {},
    },
    canaryFile: path(names.canary),
    canaryEntries: actual.maps[names.canary]?.entries ?? {},
    peers: actual.peers?.exists === true ? actual.peers.name : undefined,
    slots: {
      held: new Set(held?.instances ?? []),
      isGone: (id) => {
        const allocation = catalog.allocations[allocationOf(id)];
        return allocation !== undefined && isOver(allocation);
      },
      mayRun: (id) => catalog.allocations[allocationOf(id)] !== undefined,
      idle,
      now,
      drainTimeoutSeconds: settings.haproxy.drainTimeoutMs / 1000,
      settings: { ...settings.slots, most: settings.limits.serversPerBackend },
    },
  };
}
