import { own } from './own.js';
import { matchesHost } from './query.js';
import type { Request } from './request.js';
import { labelOf } from './service.js';
import type { Seen } from './types.js';

/** All services by that name: `web` in every namespace, `team-a/web`, or `file:legacy`. */
export function namedServices(name: string, services: readonly string[]): readonly string[] {
  if (name === '') return [];
  return services.filter(
    (one) => one === name || (!one.startsWith('file:') && afterNamespace(one) === name),
  );
}

function afterNamespace(label: string): string {
  return label.slice(label.indexOf('/') + 1);
}

/** In Nomad, opted in or not, in a route file, or still in HAProxy. */
export function allServices({ picture, registered = [] }: Seen): readonly string[] {
  const { catalog, desired, actual, rest } = picture;
  return [
    ...new Set([
      ...catalog.services.map(labelOf),
      ...(catalog.unreadable ?? []).map(labelOf),
      ...desired.backends.map(({ service }) => service),
      ...rest.skipped.map(({ service }) => service),
      ...Object.values(actual.backends).flatMap(({ ours, service }) =>
        ours && service !== undefined ? [service] : [],
      ),
      ...registered.map(labelOf),
    ]),
  ];
}

export function namedBackends(name: string, { picture }: Seen): readonly string[] {
  const isActual = own(picture.actual.backends, name) !== undefined;
  return isActual || picture.desired.backends.some((one) => one.name === name) ? [name] : [];
}

/** A route asks for exactly this host, or a map has an entry for it. */
export function isExactHost(request: Request, { picture }: Seen): boolean {
  const { desired, actual } = picture;
  return (
    desired.routes.some((route) => route.match === 'exact' && matchesHost(route, request)) ||
    Object.values(actual.maps).some(({ entries }) => own(entries, request.host) !== undefined)
  );
}

/** A single word is only a host if something is routed by it. */
export function mayBeHost(name: string, request: Request, seen: Seen): boolean {
  if (/[.:/]/.test(name) || isExactHost(request, seen)) return true;
  return seen.picture.desired.routes.some(
    (route) => route.match !== 'any' && matchesHost(route, request),
  );
}
