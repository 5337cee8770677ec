/**
 * Who must answer what, from the documentation alone: nothing here is shared with `src`.
 *
 * Jobs, services and instances are as the test made them. What was served the last time that
 * all was at rest is kept: a service whose tags are bad goes on by it.
 */

import type { App } from '../../fixtures/apps/app.js';
import type { CanaryKind, NewModelService, Routing } from './actions.js';

export interface Tags extends Routing {
  readonly check: NewModelService['check'];
  readonly custom: string | undefined;
  readonly typo: string | undefined;
  readonly canary?: CanaryKind;
}

export interface Instance {
  app: App;
  alloc: string;
  tags: Tags;
  /** Its job's version; in the group the newest one's tags count. */
  version: number;
  canary: 'no' | 'plain' | 'weightless' | 'untagged';
}

export interface Service {
  readonly name: string;
  readonly job: Job;
  declared: Tags;
  count: number;
  instances: Instance[];
}

export interface Job {
  readonly id: string;
  /** Since it was made, or purged and made again. */
  readonly age: number;
  version: number;
  stopped: boolean;
  services: Service[];
}

/** What was so when all was last at rest. */
export interface Served {
  /** The service by route. */
  readonly routes: ReadonlyMap<string, string>;
  /** The backend by service, of those that are or were in HAProxy. */
  readonly placed: ReadonlyMap<string, string>;
}

export const nothingServed: Served = { routes: new Map(), placed: new Map() };

export function tagsOf(service: Service): Tags {
  const regular = service.instances.filter(({ canary }) => canary === 'no');
  const newest = regular.reduce<Instance | undefined>(
    (best, one) => (best === undefined || one.version >= best.version ? one : best),
    undefined,
  );
  return newest?.tags ?? service.declared;
}

/** Routes as `host path`; the path is empty for a whole host. */
export function routesOf({ domains, path }: Routing): string[] {
  return domains.map((domain) => `${domain} ${path ?? ''}`);
}

/** When a service's claim on a route was recorded; undefined: it wasn't. */
export type SinceOf = (service: string, route: string) => number | undefined;

/**
 * The oldest claim keeps a contested route; of claims that were new together, the older job's. A
 * service whose tags are bad keeps its claims, and the routes
 * and the backend that it had; one that lost all its routes keeps its backend.
 */
export function nextServed(
  services: readonly Service[],
  last: Served,
  sinceOf: SinceOf = () => undefined,
): Served {
  const routes = new Map<string, string>();
  const placed = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const { name, route } of claimsByAge(services, sinceOf)) {
    if (!owners.has(route)) owners.set(route, name);
  }
  for (const service of services) {
    const { name } = service;
    const tags = tagsOf(service);
    const won = routesOf(tags).filter((route) => owners.get(route) === name);
    const good = tags.typo === undefined && won.length > 0;
    const backend = good ? (tags.custom ?? `nomad_${name}`) : last.placed.get(name);
    if (backend !== undefined) placed.set(name, backend);
    const held = good ? won : won.filter((route) => last.routes.get(route) === name);
    for (const route of held) routes.set(route, name);
  }
  return { routes, placed };
}

function claimsByAge(services: readonly Service[], sinceOf: SinceOf) {
  return services
    .flatMap((service) =>
      routesOf(tagsOf(service)).map((route) => {
        const { name, job } = service;
        return { name, route, job: job.age, since: sinceOf(name, route) ?? Infinity };
      }),
    )
    .sort((a, b) =>
      a.since === b.since ? a.job - b.job || (a.name < b.name ? -1 : 1) : a.since - b.since,
    );
}

/** HAProxy lost all that it had: what only stood there is gone for good. */
export function forgotten(services: readonly Service[], { routes, placed }: Served): Served {
  const bad = new Set(
    services.filter((one) => tagsOf(one).typo !== undefined).map(({ name }) => name),
  );
  const losers = [...placed.keys()].filter((name) => ![...routes.values()].includes(name));
  const lost = new Set([...bad, ...losers]);
  return {
    routes: new Map([...routes].filter(([, name]) => !lost.has(name))),
    placed: new Map([...placed].filter(([name]) => !lost.has(name))),
  };
}

/** Names of the instances that must answer from that backend. */
export function liveIn(services: readonly Service[], served: Served, backend: string): Set<string> {
  return new Set(instancesIn(services, served, backend).map(({ app }) => app.name));
}

export function instancesIn(
  services: readonly Service[],
  { placed }: Served,
  backend: string,
): Instance[] {
  return services
    .filter(({ name }) => placed.get(name) === backend)
    .flatMap(({ instances }) => instances)
    .filter(({ canary }) => canary === 'no' || canary === 'plain');
}

/** The backend for a request; undefined is the operator's default. */
export function backendFor(served: Served, host: string, path: string): string | undefined {
  const [best] = [...served.routes]
    .map(([route, service]) => {
      const [domain = '', prefix = ''] = route.split(' ');
      return { domain, prefix, service };
    })
    .filter(({ domain, prefix }) => matchesHost(domain, host) && matchesPath(prefix, path))
    .sort(
      (a, b) =>
        Number(a.domain.startsWith('*')) - Number(b.domain.startsWith('*')) ||
        b.domain.length - a.domain.length ||
        b.prefix.length - a.prefix.length,
    );
  return best && served.placed.get(best.service);
}

function matchesHost(domain: string, host: string): boolean {
  return domain.startsWith('*.') ? host.endsWith(domain.slice(1)) : host === domain;
}

function matchesPath(prefix: string, path: string): boolean {
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`);
}
