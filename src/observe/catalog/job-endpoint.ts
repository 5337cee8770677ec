/** The endpoint for a job's spec, for any job ID. */

import { parseJob, parseJobVersions, type Parse, type WireJob } from '../nomad/answers/shapes.js';

/**
 * Nomad decodes slashes in an ID and treats the end of the path as an endpoint:
 * `/v1/job/x%2Fallocations` returns the allocations of `x`. The list is from Nomad 2.0.
 */
const endpoints = new Set([
  ...['action', 'actions', 'allocations', 'deployment', 'deployments', 'dispatch', 'evaluate'],
  ...['evaluations', 'force', 'payload', 'plan', 'revert', 'scale', 'services', 'stable'],
  ...['submission', 'summary', 'tag', 'versions'],
]);

/** Of a URL that proxies take: most allow 8 kB. */
const longest = 4096;

/**
 * Whether a URL can contain it: clients resolve `.` and `..`, encoded or not. Nomad takes IDs of a
 * megabyte, and answers requests that name them with 431.
 */
export function isAddressable(id: string): boolean {
  const isPath = id !== '' && id !== '.' && id !== '..';
  return isPath && id.length <= longest && encodeURIComponent(id).length <= longest;
}

export function jobEndpoint(id: string): { readonly path: string; readonly parse: Parse<WireJob> } {
  const path = `/v1/job/${encodeURIComponent(id)}`;
  const [last = '', ...others] = id.split('/').reverse();
  if (others.length === 0 || !endpoints.has(last)) return { path, parse: parseJob };
  // Nomad strips the last part first, so the ID before it is taken verbatim.
  return { path: `${path}/versions`, parse: newestOf };
}

function newestOf(body: unknown, path: string): WireJob {
  const { Versions: versions } = parseJobVersions(body, path);
  return versions.reduce((newest, job) => (job.Version > newest.Version ? job : newest));
}
