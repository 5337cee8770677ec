import type { DiscoverSettings } from '../../config/types.js';
import { ConnectorError } from '../../shared/errors.js';
import type { WireAllocation } from '../nomad/answers/shapes.js';
import type { NomadApi } from '../nomad/api.js';
import type { DiscoverRead } from './model/types.js';

/**
 * Three requests. Allocations come last, so that an instance's is never newer than their list. Throws
 * what the client throws: an outage is an error, never an empty answer.
 */
export async function readInstances(
  api: NomadApi,
  { service, namespace, job }: DiscoverSettings,
  signal: AbortSignal,
): Promise<DiscoverRead> {
  const elsewhere = await otherNamespaces(api, service, namespace, signal);
  const answer = await api.instances(namespace, service, signal);
  if (answer.status === 'unreadable') {
    const isRefused = answer.reason.endsWith(' 403');
    const fix = isRefused ? `: the token needs read-job in namespace "${namespace}"` : '';
    const code = isRefused ? 'nomad-refused' : 'nomad-untrusted';
    throw new ConnectorError(code, `haproxy.discover: ${answer.reason}${fix}`);
  }
  const allocations = await allocationsOf(api, namespace, job, signal);
  return { index: answer.index, instances: answer.body, elsewhere, allocations };
}

/** Only to name them: where the token doesn't show them, there are none. */
async function otherNamespaces(
  api: NomadApi,
  service: string,
  own: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const { body } = await api.services('*', signal);
    return body
      .filter(({ Namespace }) => Namespace !== own)
      .filter(({ Services }) => Services.some(({ ServiceName }) => ServiceName === service))
      .map(({ Namespace }) => Namespace)
      .sort();
  } catch {
    signal.throwIfAborted();
    return [];
  }
}

async function allocationsOf(
  api: NomadApi,
  namespace: string,
  job: string,
  signal: AbortSignal,
): Promise<readonly WireAllocation[]> {
  const filter = `JobID == ${JSON.stringify(job)}`;
  // A proxy may refuse filters.
  const list =
    (await api.allocations(namespace, { filter, details: false }, signal)) ??
    (await api.allocations(namespace, { filter: '', details: false }, signal));
  if (list === undefined) throw new ConnectorError('nomad-failed', 'Nomad lists no allocations');
  return list.body.filter(({ JobID }) => JobID === job);
}
