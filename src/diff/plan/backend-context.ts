import { mapNames } from '../../haproxy/map-names.js';
import { allocationOf, isOver } from '../../observe/catalog/model/allocation.js';
import type { Adoption } from '../complete/adopt.js';
import type { Held } from '../types.js';
import type { BackendContext } from './backend-plan.js';
import type { SizedInput } from './server-limit.js';

export function contextOf(
  { actual, catalog, idle, now, settings, sizes = {} }: SizedInput,
  held: Held | undefined,
  adoption: Adoption,
  reloadsAnyway: boolean,
): BackendContext {
  const names = mapNames(settings.routing);
  const path = (name: string): string => actual.maps[name]?.file ?? `/${name}.map`;
  return {
    reloadsAnyway,
    sizes,
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
