import type { Json, JsonObject } from '../shared/json.js';

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
  const checks = section['http_check_list'];
  if (checks === undefined) return section;
  const given = JSON.stringify(checks);
  if (!given.includes(checkPathsPlaceholder) && !given.includes(checkHostsPlaceholder)) {
    return section;
  }
  const text = given
    .replaceAll(checkPathsPlaceholder, files.paths)
    .replaceAll(checkHostsPlaceholder, files.hosts);
  return { ...section, http_check_list: JSON.parse(text) as Json };
}
