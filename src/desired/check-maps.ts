import { type Json, type JsonObject, objectsOf } from '../shared/json.js';

/**
 * Instances of different versions are each checked on their own path and Host, which HAProxy looks
 * up by server name in map files. The file names are not known here, so sections hold these
 * placeholders until `withCheckMaps` fills them in.
 */
export const checkPathsPlaceholder = '<check-paths>';
export const checkHostsPlaceholder = '<check-hosts>';

export const checkPathLookup = `%[srv_name,map(${checkPathsPlaceholder},/)]`;

/** A slot without an instance isn't checked, so its Host doesn't matter. */
export const checkHostLookup = `%[srv_name,map(${checkHostsPlaceholder},none)]`;

export interface CheckMapFiles {
  /** Paths as haproxy.cfg must name them: without blanks, commas and parentheses. */
  readonly paths: string;
  readonly hosts: string;
}

/** Replaces the placeholders. Returns the same section if it has none. */
export function withCheckMaps(section: JsonObject, files: CheckMapFiles): JsonObject {
  const checks = objectsOf(section['http_check_list']);
  if (!checks.some(looksUp)) return section;
  const text = JSON.stringify(checks)
    .replaceAll(checkPathsPlaceholder, () => inText(files.paths))
    .replaceAll(checkHostsPlaceholder, () => inText(files.hosts));
  return { ...section, http_check_list: JSON.parse(text) as Json };
}

/** Within a string of JSON. */
function inText(path: string): string {
  return JSON.stringify(path).slice(1, -1);
}

function looksUp({ uri_log_format: path, headers }: JsonObject): boolean {
  if (path === checkPathLookup) return true;
  return objectsOf(headers).some(({ fmt }) => fmt === checkHostLookup);
}
