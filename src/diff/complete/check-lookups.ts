import type { ActualSlot } from '../../actual/types.js';
import {
  checkHostLookup,
  checkHostsPlaceholder,
  checkPathLookup,
  checkPathsPlaceholder,
  withCheckMaps,
} from '../../desired/check-maps.js';
import type { DesiredBackend } from '../../desired/types.js';
import { isObject, type JsonObject, objectsOf, textAt } from '../../shared/json.js';
import type { Entries } from '../plan/entries.js';
import type { PlannedSlot } from '../types.js';

/** Paths of the map files with the checks' path and Host. */
export interface CheckFiles {
  readonly paths: string;
  readonly hosts: string;
}

/** By server name. */
export interface CheckEntries {
  readonly paths: Entries;
  readonly hosts: Entries;
}

export interface CheckedBackend {
  readonly section: JsonObject;
  readonly paths: DesiredBackend['checkPaths'];
  readonly hosts: DesiredBackend['checkHosts'];
}

/**
 * Fills in the section's lookups. A backend that already uses lookups keeps them when its instances
 * agree again, because writing the path into the section would cost a needless reload.
 */
export function resolveChecks(
  desired: Pick<DesiredBackend, 'checkPaths' | 'checkHosts' | 'endpoints'>,
  section: JsonObject,
  actual: JsonObject | undefined,
  files: CheckFiles,
): CheckedBackend {
  const { checkPaths, checkHosts } = desired;
  const looksUp = checkLookups(actual ?? {}, files);
  const send = firstCheck(section);
  if (send === undefined || !(looksUp.path || looksUp.host)) {
    return { section: withCheckMaps(section, files), paths: checkPaths, hosts: checkHosts };
  }
  const { path, host } = lookupsOf(files);
  const keepsPath = looksUp.path && textAt(send, 'uri') !== '';
  const fixedHost = hostOf(send);
  const isFixed = fixedHost !== undefined && fixedHost !== host;
  const keepsHost = looksUp.host && isFixed && checkHosts === undefined;
  const all = (value: string): Readonly<Record<string, string>> =>
    Object.fromEntries(desired.endpoints.map(({ id }) => [id, value]));
  const kept = {
    ...(keepsPath ? { uri: undefined, uri_log_format: path } : {}),
    ...(keepsHost ? { headers: withHost(send, host) } : {}),
  };
  const changed = keepsPath || keepsHost ? replaceFirst(section, { ...send, ...kept }) : section;
  return {
    section: withCheckMaps(changed, files),
    // Without new values, entries stay unchanged.
    paths: keepsPath ? all(textAt(send, 'uri')) : (checkPaths ?? (looksUp.path ? {} : undefined)),
    hosts: keepsHost ? all(fixedHost) : (checkHosts ?? (looksUp.host ? {} : undefined)),
  };
}

/** What the first check of an existing section looks up by server name. */
export function checkLookups(
  section: JsonObject,
  files: CheckFiles,
): { readonly path: boolean; readonly host: boolean } {
  const check = firstCheck(section);
  if (check === undefined) return { path: false, host: false };
  const { path, host } = lookupsOf(files);
  return { path: check['uri_log_format'] === path, host: hostOf(check) === host };
}

function lookupsOf(files: CheckFiles): { readonly path: string; readonly host: string } {
  return {
    path: checkPathLookup.replace(checkPathsPlaceholder, () => files.paths),
    host: checkHostLookup.replace(checkHostsPlaceholder, () => files.hosts),
  };
}

function firstCheck(section: JsonObject): JsonObject | undefined {
  return objectsOf(section['http_check_list'])[0];
}

function hostOf(check: JsonObject): string | undefined {
  const header = objectsOf(check['headers']).find(isHost);
  return header === undefined ? undefined : textAt(header, 'fmt');
}

function isHost(header: JsonObject): boolean {
  return textAt(header, 'name').toLowerCase() === 'host';
}

function withHost(check: JsonObject, fmt: string): JsonObject[] {
  return objectsOf(check['headers']).map((one) => (isHost(one) ? { ...one, fmt } : one));
}

function replaceFirst(section: JsonObject, check: JsonObject): JsonObject {
  const [, ...others] = objectsOf(section['http_check_list']);
  const { uri, ...rest } = check;
  const first = uri === undefined ? rest : check;
  return { ...section, http_check_list: [first, ...others].filter(isObject) };
}

const noEntries: CheckEntries = { paths: {}, hosts: {} };

/** A draining server keeps its entry, because its check still runs. */
export function checkEntries(
  { paths, hosts }: CheckedBackend,
  slots: readonly (PlannedSlot | ActualSlot)[],
  known: CheckEntries,
): CheckEntries {
  if (paths === undefined && hosts === undefined) return noEntries;
  const pick = (wanted: Entries | undefined, before: Entries): Entries => {
    if (wanted === undefined) return {};
    const entries = slots.flatMap(({ name, binding }): [string, string][] => {
      const value = binding === undefined ? undefined : (wanted[binding.id] ?? before[name]);
      return value === undefined ? [] : [[name, value]];
    });
    return Object.fromEntries(entries);
  };
  return { paths: pick(paths, known.paths), hosts: pick(hosts, known.hosts) };
}
