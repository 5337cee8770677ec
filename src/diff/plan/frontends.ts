import type { DesiredRoute } from '../../desired/types.js';
import type { PlanInput } from './input.js';
import type { Adoption } from '../complete/adopt.js';
import { orphanedRules } from './orphans.js';
import { neighboursRules } from './neighbours.js';
import { takenRoutes } from './taken-routes.js';
import { fits, type FrontendRouting, type Routing } from './routes.js';
import { planFrontend } from './rules.js';
import type { Problem, RuleStep } from '../types.js';

const nothing: FrontendRouting = { acls: [], rules: [], httpRequestRules: [] };

export interface PlannedFrontends {
  readonly steps: readonly RuleStep[];
  /** Our resulting part, by frontend. */
  readonly parts: Readonly<Record<string, FrontendRouting>>;
  readonly problems: readonly Problem[];
}

/** Plans our part of every frontend. Frontends without one are left alone. */
export function planFrontends(
  input: PlanInput,
  routes: readonly DesiredRoute[],
  routing: Routing,
  kept: ReadonlySet<string>,
  adoption: Adoption,
): PlannedFrontends {
  const { actual, settings } = input;
  const names = new Set([...Object.keys(routing.frontends), ...Object.keys(actual.frontends)]);
  const sorted = [...names].sort();
  // Nothing is removed from a frontend while the one it should move to doesn't exist.
  const isMoving = settings.haproxy.frontends.some((name) => actual.frontends[name] === undefined);
  const others = {
    kept,
    taken: takenRoutes(input).rule,
    adoption,
    isOrphaned: orphanedRules(actual, settings),
    isNeighbours: neighboursRules(actual),
  };
  const planned = sorted.flatMap((name) => {
    const frontend = actual.frontends[name];
    const isWanted = Object.hasOwn(routing.frontends, name);
    if (frontend === undefined || (isMoving && !isWanted)) return [];
    const wanted = isWanted ? routing.frontends[name] : nothing;
    return [{ name, ...planFrontend(frontend, wanted ?? nothing, others, settings) }];
  });
  return {
    steps: planned.flatMap(({ steps }) => steps),
    parts: Object.fromEntries(planned.map(({ name, whole }) => [name, whole])),
    problems: sorted.flatMap((name) => problemOf(name, routes, actual.frontends[name]) ?? []),
  };
}

function problemOf(
  name: string,
  routes: readonly DesiredRoute[],
  frontend: PlanInput['actual']['frontends'][string] | undefined,
): Problem | undefined {
  if (frontend === undefined) {
    const message = `frontend ${name} is not in HAProxy's configuration, so nothing can be routed`;
    return { code: 'frontend-missing', message };
  }
  const unfit = routes.find((one) => one.frontends.includes(name) && !fits(one, frontend));
  if (unfit === undefined) return undefined;
  const message = `frontend ${name} has mode ${frontend.mode} and can't route ${unfit.service}, which needs ${unfit.mode}`;
  return { code: 'frontend-mode', message };
}
