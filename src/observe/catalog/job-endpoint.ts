/** The endpoint that has a job's spec, whatever its ID holds. */

import { parseJob, parseJobVersions, type Parse, type WireJob } from '../nomad/answers/shapes.js';

/**
 * Nomad takes an ID's encoded slashes for those of the path, and the end of the path for an endpoint:
 * `/v1/job/x%2Fallocations` is the allocations of `x`. (These are Nomad 2.0's.)
 */
const endpoints = new Set([
  ...['action', 'actions', 'allocations', 'deployment', 'deployments', 'dispatch', 'evaluate'],
  ...['evaluations', 'force', 'payload', 'plan', 'revert', 'scale', 'services', 'stable'],
  ...['submission', 'summary', 'tag', 'versions'],
]);

/** Whether a URL can hold it: a client takes `.` and `..` for a way up, encoded or not. */
export function isAddressable(id: string): boolean {
  return id !== '' && id !== '.' && id !== '..';
}

export function jobEndpoint(id: string): { readonly path: string; readonly parse: Parse<WireJob> } {
  const path = `/v1/job/${encodeURIComponent(id)}`;
  const [last = '', ...others] = id.split('/').reverse();
  if (others.length === 0 || !endpoints.has(last)) return { path, parse: parseJob };
  // Its own end is cut off first, so the ID before it is read as it is.
  return { path: `${path}/versions`, parse: newestOf };
}

function newestOf(body: unknown, path: string): WireJob {
  const { Versions: versions } = parseJobVersions(body, path);
  return versions.reduce((newest, job) => (job.Version > newest.Version ? job : newest));
}
