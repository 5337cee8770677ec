/** Names of the settings, in the group `limits`. A metric label, so the set is bounded. */
export const limitNames = [
  'name_bytes',
  'tags_per_service',
  'tag_bytes',
  'tags_bytes',
  'domains_per_service',
  'paths_per_service',
  'routes_per_service',
  'regexes_per_service',
  'regexes_total',
  'regex_steps',
  'servers_per_backend',
  'servers_total',
  'check_interval',
  'object_bytes',
] as const;

export type LimitName = (typeof limitNames)[number];
