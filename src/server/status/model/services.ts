import { splitTag } from '../../../observe/catalog/model/tags.js';
import { compareText } from '../../../shared/compare.js';
import type { DesiredRoute } from '../../../desired/types.js';
import { entryKey } from '../../../diff/plan/routes.js';
import type { Picture } from '../../../pass/picture.js';
import type { Index } from './index.js';
import { instancesOf } from './instances.js';
import { judge, type Judgement } from './state.js';
import type { HostStatus, InstanceStatus, ServiceStatus } from './types.js';

/** A service, and a row for each of its hosts. */
export interface ServiceRows {
  readonly service: ServiceStatus;
  readonly hosts: readonly HostStatus[];
}

/** Domains of a skipped service that are shown: anybody can write any number of tags. */
const maxClaimed = 20;

export function rowsOf(
  name: string,
  index: Index,
  picture: Picture,
  tagPrefix: string,
): ServiceRows {
  const { actual } = picture;
  const wish = index.backends.get(name);
  const kept = index.kept.get(name);
  const skip = index.skipped.get(name);
  const backend = wish?.name ?? skip?.backend ?? index.places.get(name)?.name;
  const place = backend === undefined ? undefined : actual.backends[backend];
  const instances = instancesOf({
    endpoints: (wish ?? kept)?.endpoints ?? [],
    registered: index.catalog.get(name)?.instances ?? [],
    slots: index.slots.get(name) ?? [],
    held: index.held,
  });
  const isGone = wish === undefined && skip === undefined;
  const wanted = Math.max((wish ?? kept)?.expected ?? 0, serving(wish?.endpoints ?? []));
  const judged = judge({
    ...{ instances, wanted },
    othersUp: (place?.others ?? []).filter(({ runtime }) => runtime?.operational === 'up').length,
    exists: place !== undefined,
    isPending: backend !== undefined && index.pending.has(backend),
    ...(skip === undefined ? {} : { skipped: skip.reason }),
  });
  const isKept = backend !== undefined && index.keptBack.has(backend);
  const own = isGone ? gone(judged, isKept) : judged;
  const routes = index.routes.get(name) ?? [];
  const common = { service: name, ...(backend === undefined ? {} : { backend }), wanted };
  const hosts =
    routes.length > 0
      ? routes.map((route) => ({
          ...common,
          ...hostOf(route),
          ...routed(route, own, picture, index),
        }))
      : lastHosts(name, backend, index, tagPrefix).map((host) => withoutRoute(host, own, common));
  return {
    hosts,
    service: {
      ...common,
      ...own,
      ...(wish === undefined ? {} : { kind: wish.kind, check: wish.checkSummary }),
      jobs: jobsOf(instances, name, index),
      hosts: hosts.map(({ host }) => host),
      instances,
      ...(skip === undefined ? {} : { skipped: { code: skip.code, reason: skip.reason } }),
      warnings: index.warnings.get(name) ?? [],
    },
  };
}

function serving(endpoints: readonly { readonly phase: string }[]): number {
  return endpoints.filter(({ phase }) => phase === 'serve').length;
}

/** Neither Nomad nor a route file has it: it is kept, held by the guard, or about to go. */
function gone({ state, up }: Judgement, isKept: boolean): Judgement {
  const reason = isKept
    ? 'gone from Nomad; sync.policy keeps what HAProxy has of it'
    : 'gone from Nomad; what HAProxy has of it is held or about to be removed';
  return { state: state === 'answers' ? 'degraded' : state, up, reason };
}

function jobsOf(
  instances: readonly InstanceStatus[],
  name: string,
  { catalog }: Index,
): readonly string[] {
  const declared = catalog.get(name)?.declarations.map(({ jobId }) => jobId) ?? [];
  const running = instances.flatMap(({ job }) => job ?? []);
  return [...new Set([...declared, ...running])].sort(compareText);
}

/** `*.example.com`, `x.io/api`, `any host/api`. */
function hostOf({ match, host, path = '', mode, frontends }: DesiredRoute) {
  const shown = match === 'any' ? 'any host' : match === 'wildcard' ? `*.${host}` : host;
  return { host: shown + path, match, mode, frontends };
}

/** A route that HAProxy doesn't have, or in a frontend that doesn't exist, leads nowhere. */
function routed(
  route: DesiredRoute,
  judged: Judgement,
  { actual }: Picture,
  { unrouted, diverted }: Index,
): Judgement {
  const { frontends } = route;
  const key = entryKey(route);
  const { state, up } = judged;
  if (state === 'skipped') return judged;
  if (frontends.every((name) => actual.frontends[name] === undefined)) {
    return { state: 'down', up, reason: `no frontend ${frontends.join(', ')} in HAProxy` };
  }
  if (unrouted.has(key)) {
    return { state: 'down', up, reason: 'its route is not in HAProxy yet' };
  }
  if (diverted.has(key)) {
    return { state: 'down', up, reason: 'sync.policy keeps the route that HAProxy has' };
  }
  return judged;
}

function withoutRoute(
  host: string,
  own: Judgement,
  common: Pick<HostStatus, 'service' | 'backend' | 'wanted'>,
): HostStatus {
  return { ...common, host, match: 'unknown', mode: 'http', frontends: [], ...own };
}

/** Of a service without routes: the domains its tags ask for, or else what HAProxy's maps have. */
function lastHosts(
  name: string,
  backend: string | undefined,
  { catalog, entries }: Index,
  tagPrefix: string,
): readonly string[] {
  const known = catalog.get(name);
  const tags = [
    ...(known?.declarations.flatMap((one) => one.tags) ?? []),
    ...(known?.instances.flatMap((one) => one.tags) ?? []),
  ];
  const claimed = tags.flatMap((tag) => {
    const parts = splitTag(tagPrefix, tag);
    return parts?.key === 'domain' && parts.value !== '' ? [parts.value.toLowerCase()] : [];
  });
  const found =
    claimed.length > 0 || backend === undefined ? claimed : (entries.get(backend) ?? []);
  return [...new Set(found)].slice(0, maxClaimed);
}
