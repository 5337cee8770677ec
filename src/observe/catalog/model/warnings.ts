import { compareText } from '../../../shared/compare.js';
import { isHostName, withoutBrackets } from './address-text.js';
import { keyOf, label, partsOf } from './keys.js';
import type { WireInstance } from '../../nomad/answers/shapes.js';
import { enabledInstances, type Snapshot } from './snapshot.js';
import type { CatalogService, CatalogWarning } from '../../types.js';

/** Sorted by code and subject. */
export function warningsOf(
  snapshot: Snapshot,
  services: readonly CatalogService[],
): readonly CatalogWarning[] {
  const all = [
    ...[...snapshot.unreadable].map(unreadableWarning),
    ...snapshot.unreadableNames.map(unreadableNameWarning),
    ...delayWarnings(snapshot),
    ...services.flatMap(noAddressWarnings),
    ...enabledInstances(snapshot).flatMap((wire) => instanceWarnings(wire, snapshot)),
  ];
  const once = new Map(all.map((one) => [`${one.code} ${one.subject}`, shortened(one)]));
  return [...once.values()].sort(
    (a, b) => compareText(a.code, b.code) || compareText(a.subject, b.subject),
  );
}

/** A job's ID may have a megabyte. */
function shortened({ code, subject, message }: CatalogWarning): CatalogWarning {
  return { code, subject: subject.slice(0, mostShown), message: message.slice(0, mostShown) };
}

const mostShown = 500;

function instanceWarnings(wire: WireInstance, snapshot: Snapshot): CatalogWarning[] {
  const service = label(wire.Namespace, wire.ServiceName);
  const warnings: CatalogWarning[] = [];
  if (!snapshot.allocations.has(wire.AllocID)) {
    const message = `${service}: registered, but Nomad has no allocation ${wire.AllocID}`;
    warnings.push({ code: 'ghost-instance', subject: wire.ID, message });
  }
  const host = withoutBrackets(wire.Address);
  if (isHostName(host) && !snapshot.addresses.has(host)) {
    const message = `${service}: the address ${host} can't be resolved`;
    warnings.push({ code: 'address-unresolved', subject: wire.ID, message });
  }
  return warnings;
}

function noAddressWarnings(service: CatalogService): CatalogWarning[] {
  const name = label(service.namespace, service.name);
  return service.instances
    .filter(({ address, port, allocation }) => address === '' && port > 0 && allocation)
    .map(({ id }) => ({
      code: 'address-unresolved',
      subject: id,
      message: `${name}: registered without a reachable address`,
    }));
}

function unreadableWarning([jobKey, reason]: [string, string]): CatalogWarning {
  const subject = jobKey.replace(' ', '/');
  return { code: 'spec-unreadable', subject, message: `job ${subject}: ${reason}` };
}

function unreadableNameWarning(key: string): CatalogWarning {
  const subject = label(...partsOf(key));
  const message = `${subject}: Nomad's API can't address a service of this name, so it is not routed`;
  return { code: 'service-unreadable', subject, message };
}

/** One per job, regardless of its number of services. */
function delayWarnings(snapshot: Snapshot): CatalogWarning[] {
  const jobs = snapshot.declared
    .filter(({ namespace, name, block }) => {
      return block.shutdownDelayMs === 0 && snapshot.enabled.has(keyOf(namespace, name));
    })
    .map(({ namespace, declaration }) => label(namespace, declaration.jobId));
  return [...new Set(jobs)].map((subject) => ({
    code: 'no-shutdown-delay',
    subject,
    message:
      `job ${subject} has no shutdown_delay: its instances get the kill signal at the moment ` +
      'they leave the catalog, before HAProxy can know',
  }));
}
