import type { ActualFrontend } from '../actual/types.js';
import { matchesHost } from './query.js';
import { sectionsOf } from './operator-text.js';
import { own } from './own.js';
import type { Request } from './request.js';
import { traceRequest } from './trace.js';
import type { FrontendRoute, Seen } from './types.js';

/** What HAProxy does with the request, per frontend; frontends that do the same are together. */
export function routesOf(request: Request, seen: Seen): readonly FrontendRoute[] {
  const { picture, settings } = seen;
  const { actual } = picture;
  const sections = sectionsOf(actual.raw);
  const routes: (FrontendRoute & { frontends: string[] })[] = [];
  for (const frontend of frontendsFor(request, seen)) {
    const { name, mode } = frontend;
    const { end, maybe } = traceRequest(frontend, request, { actual, settings, sections });
    const text = JSON.stringify([mode, end, maybe]);
    const same = routes.find((one) => JSON.stringify([one.mode, one.end, one.maybe]) === text);
    if (same !== undefined) same.frontends.push(name);
    else routes.push({ frontends: [name], mode, end, maybe });
  }
  return routes;
}

/** Those of the settings, and those that a route of the host names. */
function frontendsFor(request: Request, { picture, settings }: Seen): readonly ActualFrontend[] {
  const wanted = picture.desired.routes
    .filter((route) => route.match !== 'any' && matchesHost(route, request))
    .flatMap(({ frontends }) => frontends);
  const names = [...new Set([...settings.haproxy.frontends, ...wanted])];
  return names.flatMap((name) => own(picture.actual.frontends, name) ?? []);
}
