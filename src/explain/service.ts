import { formatAddress } from '../haproxy/addresses.js';
import { allocationOf } from '../observe/catalog/model/allocation.js';
import type { CatalogInstance, CatalogService } from '../observe/types.js';
import type { Endpoint } from '../desired/types.js';
import { explainCheck } from './check-values.js';
import { routeText } from './query.js';
import type { InstanceExplained, JobExplained, Seen, ServiceExplained } from './types.js';

/** `namespace/service`. */
export function labelOf({ namespace, name }: Pick<CatalogService, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

/** The chain from its jobs to its backend. */
export function explainService(service: string, seen: Seen): ServiceExplained {
  const { catalog, desired, rest } = seen.picture;
  const all = [...catalog.services, ...(catalog.unreadable ?? [])];
  const known = all.find((one) => labelOf(one) === service);
  const backend = desired.backends.find((one) => one.service === service);
  const kept = desired.kept.find((one) => one.service === service);
  const skip = rest.skipped.find((one) => one.service === service);
  const name = backend?.name ?? skip?.backend ?? standing(service, seen);
  return {
    service,
    ...(skip === undefined ? {} : { skipped: skippedOf(skip) }),
    ...(name === undefined ? {} : { backend: name }),
    routes: desired.routes
      .filter((route) => route.service === service)
      .map(({ frontends, mode, ...route }) => ({
        ...{ route: routeText(route), match: route.match, mode, frontends },
      })),
    jobs: jobsOf(service, known, seen),
    instances: instancesOf(service, known, backend?.endpoints ?? kept?.endpoints ?? [], seen),
    ...(backend === undefined ? {} : { check: explainCheck(backend) }),
    warnings: warningsOf(service, seen),
  };
}

function skippedOf({
  code,
  reason,
  limit,
}: Seen['picture']['rest']['skipped'][number]): NonNullable<ServiceExplained['skipped']> {
  return { code, reason, ...(limit === undefined ? {} : { limit }) };
}

/** Where HAProxy has it. */
function standing(service: string, { picture }: Seen): string | undefined {
  return Object.values(picture.actual.backends).find(
    (one) =>
      (one.ours && one.service === service) ||
      one.slots.some((slot) => slot.service === service && slot.binding !== undefined),
  )?.name;
}

function warningsOf(service: string, { picture }: Seen): readonly string[] {
  const own = picture.rest.warnings.filter((one) => one.service === service);
  const read = picture.catalog.warnings.filter(
    ({ subject }) => subject === service || subject.endsWith(` ${service}`),
  );
  return [...own, ...read].map(({ message }) => message);
}

function jobsOf(
  service: string,
  known: CatalogService | undefined,
  { jobs = [] }: Seen,
): readonly JobExplained[] {
  const namespace = service.slice(0, Math.max(0, service.indexOf('/')));
  const counts = new Map<string, number | undefined>();
  for (const { jobId } of known?.instances ?? []) counts.set(jobId, undefined);
  for (const { jobId, count } of known?.declarations ?? []) {
    counts.set(jobId, (counts.get(jobId) ?? 0) + count);
  }
  // Of a service that Nomad has no more, its job most likely had its name.
  const name = service.slice(namespace.length + 1);
  if (known === undefined && jobs.some(({ id }) => id === name)) counts.set(name, undefined);
  return [...counts].map(([job, count]) => {
    const stub = jobs.find((one) => one.id === job && one.namespace === namespace);
    return {
      job,
      ...(count === undefined ? {} : { count }),
      ...(stub === undefined ? {} : { status: stub.status, stopped: stub.stopped }),
    };
  });
}

function instancesOf(
  service: string,
  known: CatalogService | undefined,
  endpoints: readonly Endpoint[],
  { picture }: Seen,
): readonly InstanceExplained[] {
  const phases = new Map(endpoints.map(({ id, phase }) => [id, phase]));
  const servers = new Map(
    Object.values(picture.actual.backends)
      .flatMap(({ slots }) => slots)
      .filter((slot) => slot.service === service)
      .map(({ name, binding }) => [binding?.id, name]),
  );
  const placed = (id: string): Pick<InstanceExplained, 'phase' | 'server'> => {
    const server = servers.get(id);
    return { phase: phases.get(id) ?? 'unused', ...(server === undefined ? {} : { server }) };
  };
  if (known !== undefined) {
    return known.instances.map((one) => ({ ...registered(one), ...placed(one.id) }));
  }
  // A route file's targets.
  return endpoints.map(({ id, address, port, job = '' }) => ({
    ...{ id, job, allocation: allocationOf(id), canary: false },
    ...{ address: formatAddress(address, port), ...placed(id) },
  }));
}

function registered({
  id,
  jobId,
  allocId,
  address,
  port,
  allocation,
}: CatalogInstance): Omit<InstanceExplained, 'phase' | 'server'> {
  const common = { id, job: jobId, allocation: allocId, address: formatAddress(address, port) };
  if (allocation === undefined) return { ...common, canary: false };
  const { jobVersion: version, clientStatus, desiredStatus, canary, node } = allocation;
  return {
    ...common,
    ...{ version, clientStatus, desiredStatus, canary },
    ...(node === undefined ? {} : { node }),
  };
}
