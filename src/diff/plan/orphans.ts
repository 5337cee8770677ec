import { lookupMap } from '../../haproxy/lookup-rules.js';
import { connectorBackendName } from '../../haproxy/names.js';
import { mapNames } from '../../haproxy/map-names.js';
import { neighboursRules } from './neighbours.js';
import type { ActualState } from '../../actual/types.js';
import type { Settings } from '../../config/types.js';
import type { JsonObject } from '../../shared/json.js';

/**
 * Rules left by an earlier `routing.map_name`. Their maps are no longer updated, and they may come
 * before the current rules. They are ours only if proven: each rule is exactly a lookup as we write
 * it, the maps of its base name have at least one entry, and every entry leads to a backend with our
 * mark or our servers, or to the connector's own.
 */
export function orphanedRules(
  actual: Pick<ActualState, 'maps' | 'backends' | 'frontends' | 'neighbours'>,
  settings: Settings,
): (rule: JsonObject) => boolean {
  const { maps, backends, frontends } = actual;
  const isNeighbours = neighboursRules(actual);
  const current = new Set<string>(Object.values(mapNames(settings.routing)));
  const isOurs = (backend: string): boolean =>
    backends[backend]?.ours === true ||
    (backends[backend]?.slots.length ?? 0) > 0 ||
    backend === connectorBackendName(settings.ownership.prefix);
  const byBase = new Map<string, Set<string>>();
  const doubtful = new Set<string>();
  for (const rule of Object.values(frontends).flatMap(({ rules }) => rules)) {
    const map = lookupMap(rule);
    if (map === undefined || current.has(map.name) || isNeighbours(rule)) continue;
    const { file, entries } = maps[map.name] ?? {};
    const targets = Object.values(entries ?? {});
    if (file !== map.file || !targets.every(isOurs)) doubtful.add(map.base);
    byBase.set(map.base, new Set([...(byBase.get(map.base) ?? []), ...targets]));
  }
  return (rule) => {
    const map = lookupMap(rule);
    if (map === undefined || current.has(map.name) || doubtful.has(map.base)) return false;
    return (byBase.get(map.base)?.size ?? 0) > 0;
  };
}
