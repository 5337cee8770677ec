import type { HostState, HostStatus, ServiceStatus } from './types.js';

/** Which rows somebody asked for. */
export interface Search {
  /** Words that all must occur in the names of a row. */
  readonly q: string;
  readonly state?: HostState;
  /** From 1. */
  readonly page: number;
}

export interface Page<T> {
  readonly rows: readonly T[];
  /** All that match, on any page. */
  readonly total: number;
  /** The page shown: the last one if a later one was asked for. */
  readonly page: number;
  readonly pages: number;
}

export const rowsPerPage = 100;

/**
 * Only names are searched, never messages: those may quote a secret, and a search would spell it
 * out letter by letter.
 */
export function findHosts(hosts: readonly HostStatus[], search: Search): Page<HostStatus> {
  return paged(hosts, search, ({ host, service, backend = '' }) => [host, service, backend]);
}

export function findServices(
  services: readonly ServiceStatus[],
  search: Search,
): Page<ServiceStatus> {
  return paged(services, search, ({ service, backend = '', jobs, hosts, instances }) => [
    ...[service, backend, ...jobs, ...hosts],
    ...instances.flatMap(({ allocation = '', address }) => [allocation, address]),
  ]);
}

function paged<T extends { readonly state: HostState }>(
  all: readonly T[],
  { q, state, page }: Search,
  namesOf: (row: T) => readonly string[],
): Page<T> {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const isNamed = (row: T): boolean => namesOf(row).includes(q.trim());
  const fits = (row: T): boolean => {
    if (state !== undefined && row.state !== state) return false;
    if (words.length === 0) return true;
    const names = namesOf(row).join('\n').toLowerCase();
    return words.every((word) => names.includes(word));
  };
  if (words.length === 0 && state === undefined) return pageOf(all, page);
  const found = all.filter(fits);
  // Who asks for `web` wants `web` before `web-admin`.
  const named = words.length === 0 ? [] : found.filter(isNamed);
  const others = named.length === 0 ? found : found.filter((row) => !named.includes(row));
  return pageOf([...named, ...others], page);
}

export function pageOf<T>(matching: readonly T[], asked: number): Page<T> {
  const pages = Math.max(1, Math.ceil(matching.length / rowsPerPage));
  const page = Math.min(Math.max(1, asked), pages);
  const rows = matching.slice((page - 1) * rowsPerPage, page * rowsPerPage);
  return { rows, total: matching.length, page, pages };
}
