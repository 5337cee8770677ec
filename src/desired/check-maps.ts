import type { Json, JsonObject } from '../shared/json.js';

/**
 * Instances of different versions are checked each on their own path and Host: HAProxy looks them
 * up by server name in map files. The files' names are not known here, so a section holds these
 * placeholders until `withCheckMaps` fills them in.
 */
export const checkPathsPlaceholder = '<check-paths>';
export const checkHostsPlaceholder = '<check-hosts>';

export const checkPathLookup = `%[srv_name,map(${checkPathsPlaceholder},/)]`;

/** A slot without an instance is not checked, so its Host never matters. */
export const checkHostLookup = `%[srv_name,map(${checkHostsPlaceholder},none)]`;

export interface CheckMapFiles {
  /** As haproxy.cfg is to name them: without blanks, commas and parentheses. */
  readonly paths: string;
  readonly hosts: string;
}

/** The section with the placeholders replaced; the same section when it has none. */
export function withCheckMaps(section: JsonObject, files: CheckMapFiles): JsonObject {
  const checks = section['http_check_list'];
  if (checks === undefined) return section;
  const text = JSON.stringify(checks)
    .replaceAll(checkPathsPlaceholder, files.paths)
    .replaceAll(checkHostsPlaceholder, files.hosts);
  return { ...section, http_check_list: JSON.parse(text) as Json };
}
