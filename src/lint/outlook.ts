import { factsOf } from '../actual/normalise/facts.js';
import type { ActualState } from '../actual/types.js';
import type { Settings } from '../config/types.js';
import type { DesiredState, DesiredWarning, Skipped } from '../desired/types.js';
import { plan } from '../diff/plan/plan.js';
import type { Plan, Problem } from '../diff/types.js';
import { recordOf } from '../haproxy/claims-record.js';
import { mapNames } from '../haproxy/map-names.js';
import type { OwnEndpoint } from '../haproxy/own-endpoints.js';
import type { Catalog } from '../observe/types.js';
import { desire } from '../pass/desire.js';
import type { RouteFiles } from '../routes/folder.js';
import type { Block } from './blocks.js';
import { catalogWith, emptyCatalog } from './catalog.js';

/** Nomad and HAProxy as a pass that writes nothing read them. */
export interface Live {
  readonly catalog: Catalog;
  readonly actual: ActualState;
  readonly endpoints: readonly OwnEndpoint[];
  /** What is wrong with HAProxy's configuration already. */
  readonly problems: readonly Problem[];
}

export interface Around {
  /** With the policy in force. */
  readonly settings: Settings;
  readonly routes: RouteFiles;
  readonly live?: Live;
  /** Unix milliseconds. */
  readonly now: number;
}

/** What the connector would make of the cluster with these jobs, all deployed. */
export interface Outlook {
  readonly desired: DesiredState;
  readonly skipped: readonly Skipped[];
  readonly warnings: readonly DesiredWarning[];
  /** Problems of HAProxy's configuration that are new. */
  readonly problems: readonly Problem[];
}

export function outlookOf(blocks: readonly Block[], around: Around): Outlook {
  const { settings, routes, live, now } = around;
  const catalog = catalogWith(live?.catalog ?? emptyCatalog, blocks, settings.tags.prefix);
  const desired = desire({
    ...{ catalog, settings, routes, now },
    endpoints: live?.endpoints ?? [],
    rejected: {},
    ...(live === undefined ? {} : known(live.actual, settings)),
  });
  const { skipped, warnings } = desired;
  if (live === undefined) return { desired, skipped, warnings, problems: [] };
  const planned = planFor(catalog, desired, live, around);
  const before = new Set(live.problems.map(({ message }) => message));
  return {
    desired,
    skipped: planned.skipped,
    warnings: planned.warnings,
    problems: planned.problems.filter(({ message }) => !before.has(message)),
  };
}

function known(actual: ActualState, settings: Settings) {
  const record = actual.maps[mapNames(settings.routing).claims]?.stored ?? {};
  return { claims: recordOf(record), facts: factsOf(actual, settings.ownership) };
}

/** Some conflicts with what is in HAProxy are found only when the plan is made. */
function planFor(
  catalog: Catalog,
  desired: DesiredState,
  { actual }: Live,
  { settings, now }: Around,
): Plan {
  return plan({
    ...{ catalog, desired, actual, settings },
    now: Math.floor(now / 1000),
    idle: new Set(),
    hidden: [],
    unstable: {},
  });
}
